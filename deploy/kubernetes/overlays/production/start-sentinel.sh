#!/bin/sh
# Starts a sentinel. When two sentinels agree that the primary is down, they promote a replica.
set -eu
# After a restart of the container, this file still has the state of the sentinel.
if [ -s /data/sentinel.conf ]; then
    exec valkey-server /data/sentinel.conf --sentinel
fi
primary=
attempts=30
for pod in 0 1 2; do
    primary=${primary:-$(timeout 2 valkey-cli -h "redis-$pod.redis.$NAMESPACE.svc" -p 26379 --raw \
        SENTINEL get-master-addr-by-name primary 2>/dev/null | head -1)}
done
# At the very first start, no sentinel runs: the primary is the first pod.
primary=${primary:-redis-0.redis.$NAMESPACE.svc}
cat >/data/sentinel.draft <<END
port 26379
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $POD.redis.$NAMESPACE.svc
sentinel monitor primary $primary 6379 2
sentinel auth-pass primary $PASSWORD
sentinel down-after-milliseconds primary 5000
sentinel failover-timeout primary 15000
END
# Wait for the primary, at most 30 attempts: its name may have no address yet.
until timeout 2 valkey-cli -h "$primary" ping 2>/dev/null | grep -qE 'PONG|NOAUTH' ||
    [ "$((attempts -= 1))" -eq 0 ]; do
    sleep 1
done
mv /data/sentinel.draft /data/sentinel.conf
exec valkey-server /data/sentinel.conf --sentinel
