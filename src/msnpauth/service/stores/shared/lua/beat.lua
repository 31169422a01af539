-- ARGV: node. Returns whether the node was known, and the nodes that are dead.
local known = redis.call('ZSCORE', p .. 'nodes', ARGV[3]) ~= false
redis.call('ZADD', p .. 'nodes', now(), ARGV[3])
remember()
local silent = redis.call('ZRANGEBYSCORE', p .. 'nodes', '-inf', now() - dead)
return {known and 1 or 0, silent}
