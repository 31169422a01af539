-- What all scripts have in common. ARGV: the prefix of all names, the seconds without a sign of
-- life after which a node is dead, and then each script's own.
local p, dead = ARGV[1], tonumber(ARGV[2])

local function now()
    local time = redis.call('TIME')
    return tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local alive = {}
local function is_alive(node)
    if alive[node] == nil then
        local beat = redis.call('ZSCORE', p .. 'nodes', node)
        alive[node] = beat ~= false and now() - tonumber(beat) < dead
    end
    return alive[node]
end

-- Returns who has the newest word on an account, of the nodes that live.
local function seen(passport)
    local newest, found = 0, ''
    local words = redis.call('HGETALL', p .. 'shown:' .. passport)
    for i = 1, #words, 2 do
        local word = cjson.decode(words[i + 1])
        if word.number > newest and is_alive(word.node) then
            newest, found = word.number, word.presence
        end
    end
    return found
end

-- Returns a number that says what is newer.
local function number()
    return redis.call('INCR', p .. 'number')
end

-- Notes since when this memory is of one run of the server: what was used before nobody knows.
local function remember()
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    if redis.call('HGET', p .. 'memory', 'run') ~= run then
        redis.call('HSET', p .. 'memory', 'run', run, 'since', now())
    end
    return tonumber(redis.call('HGET', p .. 'memory', 'since'))
end

-- Takes an account off the list of a node that has nothing of it any more.
local function tidy(passport, node)
    for _, name in ipairs({'places:', 'shown:'}) do
        for _, word in ipairs(redis.call('HVALS', p .. name .. passport)) do
            if cjson.decode(word).node == node then return end
        end
    end
    redis.call('SREM', p .. 'of:' .. node, passport)
end

-- Takes away the oldest places of an account that has too many; returns the seats that have to go.
local function crowded(key, most)
    local going = {}
    while redis.call('HLEN', key) > most do
        local oldest, which, what = nil, nil, nil
        local places = redis.call('HGETALL', key)
        for i = 1, #places, 2 do
            local held = cjson.decode(places[i + 1])
            if oldest == nil or held.number < oldest then
                oldest, which, what = held.number, places[i], held
            end
        end
        redis.call('HDEL', key, which)
        if is_alive(what.node) then table.insert(going, what.seat) end
    end
    return going
end
