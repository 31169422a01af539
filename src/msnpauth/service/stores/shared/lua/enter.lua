-- ARGV: passport guid node seat most. Returns the seats that have to go.
local passport, guid, node, seat, most = ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local key = p .. 'places:' .. passport
local going = {}
local before = redis.call('HGET', key, guid)
if before then
    local held = cjson.decode(before)
    if is_alive(held.node) and held.seat ~= seat then table.insert(going, held.seat) end
end
redis.call('HSET', key, guid,
    cjson.encode({node = node, seat = seat, number = number()}))
redis.call('SADD', p .. 'of:' .. node, passport)
for _, oldest in ipairs(crowded(key, most)) do table.insert(going, oldest) end
return going
