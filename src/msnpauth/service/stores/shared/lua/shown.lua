-- ARGV: passports. Returns how each is to be seen, '' for offline.
local found = {}
for i = 3, #ARGV do table.insert(found, seen(ARGV[i])) end
return found
