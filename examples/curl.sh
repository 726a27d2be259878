#!/bin/sh
# A stream with nothing but curl: start it, leave it, come back, stop it.
#
#   examples/curl.sh [ADDRESS [MESSAGE]]        MESSAGE as it stands inside a JSON string
set -eu
address=${1:-http://127.0.0.1:8001}
message=${2:-What should I say to a customer who asks for a discount?}

# The value of a name in a one-line JSON object; jq does this better where it is installed.
value_of() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

echo '# Start: the answer says where the stream is. An unknown lead is created.'
started=$(curl -sS --fail-with-body "$address/api/stream/start/ada-lovelace" -d '{
    "agent_type": "conversation",
    "input": {"message": "'"$message"'"},
    "lead": {"first_name": "Ada", "company_name": "Analytical Engines"}
}')
echo "$started"
stream_url=$(echo "$started" | value_of stream_url)
stop_url=$(echo "$started" | value_of stop_url)

echo '# Follow: -N shows every event as it comes. This reader leaves after the fourth.'
seen=$(curl -sN "$address$stream_url" | sed '/^id: 4$/{n;q;}')
echo "$seen"
last=$(echo "$seen" | sed -n 's/^id: //p' | tail -n 1)

echo "# Come back: everything after event $last, each event once, for at most three seconds."
curl -sN --max-time 3 -H "Last-Event-ID: $last" "$address$stream_url" || test $? = 28

echo '# Stop: the vendor is cut off, and the receipt says what it cost. Twice does no harm.'
curl -sS --fail-with-body -X POST "$address$stop_url"
echo
