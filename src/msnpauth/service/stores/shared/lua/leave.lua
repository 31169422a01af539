-- ARGV: passport guid node seat
local key = p .. 'places:' .. ARGV[3]
local held = redis.call('HGET', key, ARGV[4])
if held and cjson.decode(held).seat == ARGV[6] then redis.call('HDEL', key, ARGV[4]) end
tidy(ARGV[3], ARGV[5])
return 1
