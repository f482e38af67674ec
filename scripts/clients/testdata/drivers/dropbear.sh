#!/usr/bin/env bash
# Speaks for dropbear's dbclient (docs/spec/client-driver.md).
set -uo pipefail

key=$GH_DIR/id.dropbear
[ -e "$key" ] || dropbearconvert openssh dropbear "$GH_KEY" "$key" 2>/dev/null
mkdir -p "$HOME/.ssh"
printf '%s %s\n' "$GH_HOST" "$GH_HOSTKEY" >"$HOME/.ssh/known_hosts"
na() { echo "$1" >"$GH_NA"; exit 0; }

word=$1
shift
case $word in

exec) dbclient -p "$GH_PORT" -i "$key" -l "$GH_USER" "$GH_HOST" "$1" ;;
agent) # the certificate in an agent
	eval "$(ssh-agent)" >/dev/null
	trap 'kill "$SSH_AGENT_PID"' EXIT
	ssh-add -q "$GH_KEY"
	dbclient -p "$GH_PORT" -l "$GH_USER" "$GH_HOST" "$1"
	;;
esac
