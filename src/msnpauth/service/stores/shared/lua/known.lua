-- ARGV: node. Returns the passports that have something of the node.
return redis.call('SMEMBERS', p .. 'of:' .. ARGV[3])
