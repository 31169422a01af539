-- ARGV: node. Returns whether the node was known and alive, and the nodes that are dead. A node that
-- was taken for dead may have lost places to others, unheard, before anybody buried it.
local known = is_alive(ARGV[3])
redis.call('ZADD', p .. 'nodes', now(), ARGV[3])
remember()
local silent = redis.call('ZRANGEBYSCORE', p .. 'nodes', '-inf', now() - dead)
return {known and 1 or 0, silent}
