-- ARGV: passport node, and as JSON its seats and the connections by whose word it is seen. Takes away
-- what else the account has of the node; returns whether it was seen by that.
local passport, node, changed = ARGV[3], ARGV[4], 0
local seats, words = {}, {}
for _, seat in ipairs(cjson.decode(ARGV[5])) do seats[seat] = true end
for _, word in ipairs(cjson.decode(ARGV[6])) do words[node .. ' ' .. word] = true end
local places = redis.call('HGETALL', p .. 'places:' .. passport)
for i = 1, #places, 2 do
    local held = cjson.decode(places[i + 1])
    if held.node == node and not seats[held.seat] then
        redis.call('HDEL', p .. 'places:' .. passport, places[i])
    end
end
local shown = redis.call('HGETALL', p .. 'shown:' .. passport)
for i = 1, #shown, 2 do
    if cjson.decode(shown[i + 1]).node == node and not words[shown[i]] then
        redis.call('HDEL', p .. 'shown:' .. passport, shown[i])
        changed = 1
    end
end
tidy(passport, node)
return changed
