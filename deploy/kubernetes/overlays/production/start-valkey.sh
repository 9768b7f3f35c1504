#!/bin/sh
# Starts Valkey as the primary, or as a replica of the primary that the sentinels know.
set -eu
me="$POD.redis.$NAMESPACE.svc"
primary=
for pod in 0 1 2; do
    primary=${primary:-$(timeout 2 valkey-cli -h "redis-$pod.redis.$NAMESPACE.svc" -p 26379 --raw \
        SENTINEL get-master-addr-by-name primary 2>/dev/null | head -1)}
done
# At the very first start, no sentinel runs: the primary is the first pod.
primary=${primary:-redis-0.redis.$NAMESPACE.svc}
if [ "$primary" = "$me" ]; then
    replicaof=
else
    replicaof="replicaof $primary 6379"
fi
# The passwords are in a file, because every process of the node can see a command line. Valkey and
# Sentinel change this file after a failover.
cat >/data/valkey.conf <<END
bind * -::*
requirepass $PASSWORD
masterauth $PASSWORD
replica-announce-ip $me
$replicaof
# Nothing stays on the disk: PostgreSQL has all lasting data. A replica reads the data of its primary
# directly into its memory.
save ""
appendonly no
repl-diskless-load flush-before-load
rdb-del-sync-files yes
maxmemory 128mb
maxmemory-policy volatile-lru
# A primary without a connected replica accepts no writes, because a failover would lose them.
min-replicas-to-write 1
min-replicas-max-lag 10
END
exec valkey-server /data/valkey.conf
