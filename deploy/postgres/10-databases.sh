#!/bin/sh
# Runs once, when the database volume is empty: a role and its databases for Temporal and another
# for the connector. Neither can open what is the other's.
set -eu

# The passwords reach psql through its own back-quotes, so that none appears in a process list.
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set temporal_password `cat /run/secrets/temporal_db_password`
\set connector_password `cat /run/secrets/connector_db_password`

CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE ROLE connector LOGIN PASSWORD :'connector_password';

CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
CREATE DATABASE connector OWNER connector;

REVOKE CONNECT ON DATABASE temporal, temporal_visibility, connector FROM PUBLIC;
SQL
