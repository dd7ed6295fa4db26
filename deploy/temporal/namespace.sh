#!/bin/sh
# Makes the namespace and the search attributes the workflows write. Safe to run every time.
set -eu

: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}" "${RETENTION:?}"

left=30
until temporal operator cluster health >/dev/null 2>&1; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || { echo "Temporal at $TEMPORAL_ADDRESS did not become healthy" >&2; exit 1; }
    sleep 2
done

temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"

existing=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE")
attribute() { # name, type
    printf '%s\n' "$existing" | grep -qw "$1" ||
        temporal operator search-attribute create \
            --namespace "$TEMPORAL_NAMESPACE" --name "$1" --type "$2"
}
attribute Tenant Keyword
attribute PurchaseOrder Keyword
attribute Stage Keyword
attribute TrackingNumber KeywordList
attribute Attention Keyword
