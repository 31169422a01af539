-- ARGV: passport node connection presence ('' for none). Returns what was seen, and is.
local passport, node, presence = ARGV[3], ARGV[4], ARGV[6]
local key, field = p .. 'shown:' .. passport, node .. ' ' .. ARGV[5]
local before = seen(passport)
if presence == '' then
    redis.call('HDEL', key, field)
    tidy(passport, node)
else
    redis.call('HSET', key, field,
        cjson.encode({node = node, presence = presence, number = number()}))
    redis.call('SADD', p .. 'of:' .. node, passport)
end
return {before, seen(passport)}
