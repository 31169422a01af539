-- ARGV: passport node connection presence ('' for none), and 'again' when that was said before.
-- Returns what was seen, and is.
local passport, node, presence, again = ARGV[3], ARGV[4], ARGV[6], ARGV[7] == 'again'
local key, field = p .. 'shown:' .. passport, node .. ' ' .. ARGV[5]
local before = seen(passport)
local held = redis.call('HGET', key, field)
if again and held and cjson.decode(held).presence == presence then
    return {before, before} -- a word that is still known is not newer than those after it
end
if presence == '' then
    redis.call('HDEL', key, field)
    tidy(passport, node)
else
    redis.call('HSET', key, field,
        cjson.encode({node = node, presence = presence, number = number()}))
    redis.call('SADD', p .. 'of:' .. node, passport)
end
return {before, seen(passport)}
