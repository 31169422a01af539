-- ARGV: node, and the node that buries it. Takes away what is of the node, and returns passports and
-- how they are seen now.
local node, changed = ARGV[3], {}
-- It may have come back since it was found to be silent.
if ARGV[4] ~= node and is_alive(node) then return {} end
redis.call('ZREM', p .. 'nodes', node)
local key = p .. 'of:' .. node
for _, passport in ipairs(redis.call('SMEMBERS', key)) do
    local places = redis.call('HGETALL', p .. 'places:' .. passport)
    for i = 1, #places, 2 do
        if cjson.decode(places[i + 1]).node == node then
            redis.call('HDEL', p .. 'places:' .. passport, places[i])
        end
    end
    local words, was_shown = redis.call('HGETALL', p .. 'shown:' .. passport), false
    for i = 1, #words, 2 do
        if cjson.decode(words[i + 1]).node == node then
            redis.call('HDEL', p .. 'shown:' .. passport, words[i])
            was_shown = true
        end
    end
    if was_shown then
        table.insert(changed, passport)
        table.insert(changed, seen(passport))
    end
end
redis.call('DEL', key)
return changed
