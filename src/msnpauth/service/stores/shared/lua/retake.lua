-- ARGV: passport guid node seat most. Takes a place again, unless a living node has given it to
-- somebody else meanwhile. Returns whether it was taken, and then the seats that have to go.
local passport, guid, node, seat, most = ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local key = p .. 'places:' .. passport
local before = redis.call('HGET', key, guid)
if before then
    local held = cjson.decode(before)
    if held.seat == seat then return {1} end
    if is_alive(held.node) then return {0} end
end
redis.call('HSET', key, guid,
    cjson.encode({node = node, seat = seat, number = number()}))
redis.call('SADD', p .. 'of:' .. node, passport)
local answer = crowded(key, most)
table.insert(answer, 1, 1)
return answer
