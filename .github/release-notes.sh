#!/bin/sh
# Prints the notes in CHANGELOG.md for the version of a tag: release-notes.sh v1.2.3
# Fails if there are no notes, or if pyproject.toml has another version.
set -eu
cd "$(dirname "$0")/.."

version=${1#v}
declared=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
if [ "$version" != "$declared" ]; then
    echo "The tag is for $version, but pyproject.toml says $declared." >&2
    exit 1
fi

notes=$(awk -v heading="## [$version]" '
    index($0, "## ") == 1 { wanted = index($0, heading) == 1; next }
    /^\[.*\]: / { next }
    wanted
' CHANGELOG.md)
if [ -z "$notes" ]; then
    echo "CHANGELOG.md has nothing under \"## [$version]\"." >&2
    exit 1
fi
printf '%s\n' "$notes"
