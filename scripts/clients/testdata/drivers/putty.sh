#!/usr/bin/env bash
# Speaks for PuTTY's plink, pscp and psftp (docs/spec/client-driver.md).
set -uo pipefail

ppk=$GH_DIR/id.ppk
[ -e "$ppk" ] || puttygen "$GH_KEY" -O private -o "$ppk"
args=(-batch -ssh -P "$GH_PORT" -l "$GH_USER" -noagent -no-antispoof -i "$ppk")
if [ -n "${GH_CERT-}" ]; then
	args+=(-cert "$GH_CERT")
else
	args+=(-v) # without it plink keeps to itself what the door says
fi
files=(-batch -P "$GH_PORT" -l "$GH_USER" -noagent -i "$ppk" -cert "$GH_CERT" -hostkey "$GH_FINGERPRINT")
by_key=(-hostkey "$GH_FINGERPRINT")
na() { echo "$1" >"$GH_NA"; exit 0; }
session() { # session NAME LINE…: a saved session of PuTTY's, for what has no option
	mkdir -p "$HOME/.putty/sessions"
	{ printf 'Protocol=ssh\n'; shift; printf '%s\n' "$@"; } >"$HOME/.putty/sessions/$GH_SESSION"
}
psftp_does() {
	printf '%s\n' "$1" >"$GH_DIR/batch"
	psftp "${files[@]}" -b "$GH_DIR/batch" "$GH_HOST"
}

word=$1
shift
case $word in
exec | certificate) plink "${args[@]}" "${by_key[@]}" "$GH_HOST" "$1" ;;
agent) plink -batch -ssh -P "$GH_PORT" -l "$GH_USER" -agent -no-antispoof "${by_key[@]}" "$GH_HOST" "$1" ;;
host-ca)
	# PuTTY keeps CAs in a folder of its own, one file a CA; the host is the address that was typed.
	key=$(sed -n '/^@cert-authority/{s/^@cert-authority [^ ]* [^ ]* \([^ ]*\).*/\1/p;q}' "$GH_KNOWN_HOSTS")
	mkdir -p "$HOME/.putty/sshhostcas"
	printf 'PublicKey=%s\nValidity=%s\nPermitRSASHA1=0\nPermitRSASHA256=1\nPermitRSASHA512=1\n' "$key" "$GH_NAME" >"$HOME/.putty/sshhostcas/gatehouse"
	plink "${args[@]}" -loghost "$GH_NAME" "$GH_HOST" "$1"
	status=$?
	rm -rf "$HOME/.putty/sshhostcas"
	exit $status
	;;
host-key) plink "${args[@]}" "${by_key[@]}" "$GH_HOST" "$1" ;;
env)
	line=$1
	shift
	GH_SESSION=env
	session env "Environment=$(printf '%s,' "$@")"
	plink -load env "${args[@]}" "${by_key[@]}" "$GH_HOST" "$line"
	;;
pty) exec python3 "$GH_DRIVERS/terminal.py" "$2" "$3" "$4" "$5" plink "${args[@]}" "${by_key[@]}" -t "$GH_HOST" "$1" ;;
signal) na "plink has no way to send a signal; PuTTY's window has, by its menu" ;;
many | channels) na "plink shares a connection (\`-share\`) only while PuTTY or another plink holds it: one command a connection is the rule" ;;
keepalive)
	GH_SESSION=ping
	session ping 'PingIntervalSecs=1'
	plink -load ping "${args[@]}" "${by_key[@]}" "$GH_HOST" "$1"
	;;
rekey)
	GH_SESSION=rekey
	session rekey 'RekeyBytes=2M'
	plink -v -load rekey "${args[@]}" "${by_key[@]}" "$GH_HOST" "$1" 2>"$GH_DIR/rekey.log"
	status=$?
	echo "rekeys $(grep -c 'Initiating key re-exchange' "$GH_DIR/rekey.log")" >&2
	exit $status
	;;
compress) plink -C "${args[@]}" "${by_key[@]}" "$GH_HOST" "$1" ;;
put) pscp "${files[@]}" "$1" "$GH_HOST:$2" ;;
get) pscp "${files[@]}" "$GH_HOST:$1" "$2" ;;
put-dir) psftp_does "put -r \"$1\" \"$2\"" ;;
get-dir) psftp_does "get -r \"$1\" \"$2\"" ;;
forward) plink "${args[@]}" "${by_key[@]}" -nc "$1:$2" "$GH_HOST" ;;
*) na "no such word" ;;
esac
