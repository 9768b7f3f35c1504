#!/bin/sh
# Generates the secrets that docker-compose.yml needs, and writes them to .env. Values that are
# there already stay.
set -eu
cd "$(dirname "$0")/.."

password() {
    od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'
}

signing_key() {
    head -c 32 /dev/urandom | base64
}

# Only its owner may read it, from its first moment on.
umask 077
touch .env
chmod 600 .env
# The last line may lack its end.
[ -z "$(tail -c 1 .env)" ] || echo >>.env

for name in DATABASE_PASSWORD REDIS_PASSWORD RATE_LIMIT_REDIS_PASSWORD TOKEN_SIGNING_KEY; do
    grep -q "^$name=" .env && continue
    case $name in
        *_PASSWORD) value=$(password) ;;
        *) value=$(signing_key) ;;
    esac
    echo "$name=$value" >>.env
    echo "$name is in .env now."
done
