-- ARGV: token, end, beginning. Returns 1 when it is new, 0 when it was used, -1 when nobody knows.
local since = remember()
local key = p .. 'used:' .. ARGV[3]
if redis.call('EXISTS', key) == 1 then return 0 end
if tonumber(ARGV[5]) < since then return -1 end
-- Some minutes longer than the ticket lives: the clock of the node that takes it may be slow.
local left = math.max(0, math.ceil((tonumber(ARGV[4]) - now()) * 1000)) + 300000
redis.call('SET', key, 1, 'PX', left)
return 1
