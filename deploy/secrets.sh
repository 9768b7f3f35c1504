#!/bin/sh
# Generates the secrets that docker-compose.yml needs, and writes them to .env. Keeps the values
# that .env already contains.
set -eu
cd "$(dirname "$0")/.."

password() {
    od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'
}

signing_key() {
    head -c 32 /dev/urandom | base64
}

# A new .env is readable only by its owner from the moment it is created.
umask 077
touch .env
chmod 600 .env
# The last line may have no newline.
[ -z "$(tail -c 1 .env)" ] || echo >>.env

for name in DATABASE_PASSWORD MIGRATOR_PASSWORD REDIS_PASSWORD RATE_LIMIT_REDIS_PASSWORD \
    TOKEN_SIGNING_KEY; do
    grep -q "^$name=" .env && continue
    case $name in
        *_PASSWORD) value=$(password) ;;
        *) value=$(signing_key) ;;
    esac
    echo "$name=$value" >>.env
    echo "$name is in .env now."
done
