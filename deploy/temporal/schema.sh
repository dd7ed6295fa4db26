#!/bin/sh
# Brings Temporal's two databases to the schema of this image's version. Safe to run every time:
# a version that is already there is skipped.
set -eu

SQL_PASSWORD=$(cat /run/secrets/temporal_db_password)
export SQL_PASSWORD

for database in temporal temporal_visibility; do
    case $database in
        temporal) schema=temporal ;;
        *) schema=visibility ;;
    esac
    sql() { temporal-sql-tool --db "$database" "$@"; }
    sql setup-schema --version 0.0
    sql update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
