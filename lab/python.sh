#!/bin/sh
# Finds a Python that is new enough and runs it with the arguments: python.sh -I lab/install.py dev
# If the variable PYTHON is set, only that Python is tried. If no Python is new enough, the script
# prints how to install one. It runs on any POSIX shell. It must not use its own path, because
# `make doctor` feeds the script to a shell through a pipe.
set -eu

new_enough() {
    # With -E, Python starts even if PYTHONHOME is wrong. `make doctor` reports the wrong value.
    "$1" -E -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

command_that_installs_python() {
    [ "$(id -u)" -eq 0 ] && sudo='' || sudo='sudo '
    if command -v apt-get >/dev/null; then
        echo "${sudo}apt install python3 python3-venv"
    elif command -v dnf >/dev/null; then
        echo "${sudo}dnf install python3.12"
    elif command -v apk >/dev/null; then
        echo "${sudo}apk add python3"
    elif command -v brew >/dev/null; then
        echo 'brew install python@3.13'
    else
        echo 'see https://www.python.org/downloads/'
    fi
}

for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if new_enough "$candidate"; then
        exec "$candidate" "$@"
    fi
done

if found=$("${PYTHON:-python3}" --version 2>&1); then
    echo "Python 3.11 or newer is needed; ${PYTHON:-python3} is $found." >&2
else
    echo "Python 3.11 or newer is needed; ${PYTHON:-python3} does not run here." >&2
fi
echo "Install Python:  $(command_that_installs_python)" >&2
echo 'If a newer Python is elsewhere, name it:  make start PYTHON=/path/to/python3.12' >&2
exit 1
