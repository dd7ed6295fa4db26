#!/bin/sh
# Makes the secrets that docker-compose.yml mounts, each in a file of its own under
# deploy/secrets/. What exists is left as it is, so running it again changes nothing.
#
#   sh deploy/secrets.sh
#
# The folder is closed to other users (0700). Inside it the passwords are readable for the
# containers' own users, since compose mounts a file with the mode it has here; the master key is
# not (0600), and the connector, which refuses any other mode, runs as the user who owns it.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets

random() { # bytes
    head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}
make_secret() { # name, mode, content
    [ -s "secrets/$1" ] && return 0
    printf '%s\n' "$3" >"secrets/$1.new"
    chmod "$2" "secrets/$1.new"
    mv "secrets/$1.new" "secrets/$1"
    echo "made deploy/secrets/$1"
}

make_secret postgres_password 0644 "$(random 24)"
make_secret temporal_db_password 0644 "$(random 24)"
make_secret connector_db_password 0644 "$(random 24)"
make_secret connector_database_url 0600 \
    "postgresql+psycopg://connector:$(cat secrets/connector_db_password)@postgres/connector"
make_secret master_key 0600 "$(random 32)"
make_secret codec_path 0644 "$(random 24)"

echo "Keep a copy of deploy/secrets/master_key elsewhere: without it the database cannot be read."
