-- ARGV: passports. Returns their seats, those of one account in their order.
local found = {}
for i = 3, #ARGV do
    local places = redis.call('HVALS', p .. 'places:' .. ARGV[i])
    local here = {}
    for _, place in ipairs(places) do
        local held = cjson.decode(place)
        if is_alive(held.node) then table.insert(here, held) end
    end
    table.sort(here, function(a, b) return a.number < b.number end)
    for _, held in ipairs(here) do table.insert(found, held.seat) end
end
return found
