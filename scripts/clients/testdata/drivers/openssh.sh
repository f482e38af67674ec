#!/usr/bin/env bash
# Speaks for OpenSSH (docs/spec/client-driver.md). GH_WAY: "" is login@target@door, jump is -J, proxy is ProxyCommand with -W.
set -uo pipefail

config=(-F "$GH_CONFIG" -o BatchMode=yes)
# Without a certificate: the key alone, by a configuration of its own.
if [ -z "${GH_CERT-}" ]; then
	sed '/CertificateFile/d' "$GH_CONFIG" >"$GH_DIR/ssh_config.bare"
	cp "$GH_KEY" "$GH_DIR/bare" && chmod 600 "$GH_DIR/bare" # ssh looks for KEY-cert.pub by itself
	sed -i "s,IdentityFile .*,IdentityFile $GH_DIR/bare," "$GH_DIR/ssh_config.bare"
	config=(-F "$GH_DIR/ssh_config.bare" -o BatchMode=yes)
fi
case ${GH_WAY-} in
jump) way=(-J gatehouse) to=$GH_LOGIN@$GH_TARGET ;;
proxy) way=(-o "ProxyCommand=ssh ${config[*]} -W %h:%p gatehouse") to=$GH_LOGIN@$GH_TARGET ;;
*)
	way=() to=$GH_USER@gatehouse
	# Old versions compare a host certificate with HostName whatever HostKeyAlias is, so HostName is one of the door's names here.
	[ -z "${GH_SSH-}" ] || way=(-o HostName="$GH_NAME" -o "ProxyCommand=python3 $GH_DRIVERS/pipe.py $GH_PORT")
	;;
esac

ssh=${GH_SSH:-ssh} # another version's program
run() { "$ssh" "${config[@]}" "${way[@]}" "$@"; }
na() { echo "$1" >"$GH_NA"; exit 0; }

# with_master COMMAND…: over one connection that is there already.
with_master() {
	local socket=$GH_DIR/mux status
	run -o ControlPath="$socket" -o ControlMaster=yes -o ControlPersist=60 -fN "$to" </dev/null >/dev/null 2>&1 || return 250
	"$@"
	status=$?
	"$ssh" -o ControlPath="$socket" -O exit "$to" 2>/dev/null
	return $status
}
over() { "$ssh" -F none -o ControlPath="$GH_DIR/mux" -o ProxyCommand=false "$to" "$@"; }

quoted() { printf '"%s"' "$(sed 's/[\\"]/\\&/g' <<<"$1")"; }
transfer() { printf '%s\n' "$1" | sftp "${config[@]}" "${way[@]}" -S "$ssh" -b - "$to"; }

many() {
	for ((i = 0; i < $1; i++)); do
		over "leave $i" </dev/null
		echo $?
	done
}

channels() {
	local i
	for ((i = 0; i < $1; i++)); do
		mkfifo "$GH_DIR/in$i"
		over meet <"$GH_DIR/in$i" >"$GH_DIR/out$i" &
	done
	for ((i = 0; i < $1; i++)); do
		eval "exec $((10 + i))>\"\$GH_DIR/in\$i\""
	done
	for ((i = 0; i < $1; i++)); do # all are there before one is told anything
		until grep -q ready "$GH_DIR/out$i"; do sleep 0.05; done
	done
	for ((i = 0; i < $1; i++)); do
		eval "echo channel $i >&$((10 + i)); exec $((10 + i))>&-"
	done
	wait
	for ((i = 0; i < $1; i++)); do cat "$GH_DIR/out$i"; done
}

word=$1
shift
case $word in
exec | certificate) run "$to" "$1" ;;
agent)
	sed "/IdentityFile\|CertificateFile\|IdentitiesOnly/d" "$GH_CONFIG" >"$GH_DIR/ssh_config.agent"
	config=(-F "$GH_DIR/ssh_config.agent" -o BatchMode=yes)
	[ "${GH_WAY-}" != proxy ] || way=(-o "ProxyCommand=ssh ${config[*]} -W %h:%p gatehouse")
	run "$to" "$1"
	;;
host-ca) run -o UserKnownHostsFile="$GH_KNOWN_HOSTS" -o HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com "$to" "$1" ;;
host-key)
	printf '* %s\n' "$GH_HOSTKEY" >"$GH_DIR/known_key"
	[ -z "${GH_WAY-}" ] || config+=(-o HostKeyAlgorithms=ssh-ed25519)
	run -o UserKnownHostsFile="$GH_DIR/known_key" -o HostKeyAlgorithms=ssh-ed25519 "$to" "$1"
	;;
env)
	line=$1
	shift
	if [ "$ssh" = ssh ]; then
		run -o "SetEnv=$*" "$to" "$line"
	else # before 7.8
		export "${@:1:1}"
		run -o "SendEnv=APP_* LD_*" "$to" "$line"
	fi
	;;
pty) exec python3 "$GH_DRIVERS/terminal.py" "$2" "$3" "$4" "$5" "$ssh" "${config[@]}" "${way[@]}" -tt "$to" "$1" ;;
signal) na "ssh has no way to send a signal; with a terminal (\`-t\`) Ctrl-C does" ;;
many) with_master many "$1" ;;
channels) with_master channels "$1" ;;
keepalive) run -o ServerAliveInterval=1 -o ServerAliveCountMax=1 "$to" "$1" ;;
rekey)
	run -v -o RekeyLimit=2M "$to" "$1" 2>"$GH_DIR/rekey.log"
	status=$?
	echo "rekeys $(($(grep -c 'SSH2_MSG_NEWKEYS received' "$GH_DIR/rekey.log") - 1))" >&2
	exit $status
	;;
compress) run -o Compression=yes "$to" "$1" ;;
put | put-dir) transfer "put -r $(quoted "$1") $(quoted "$2")" ;;
get | get-dir) transfer "get -r $(quoted "$1") $(quoted "$2")" ;;
forward)
	case ${GH_WAY-} in
	'') run -W "$1:$2" "$to" ;;
	*) # -L and a connection to it
		port=$((20000 + RANDOM % 10000))
		run -N -o ExitOnForwardFailure=yes -L "127.0.0.1:$port:$1:$2" "$to" </dev/null &
		python3 "$GH_DRIVERS/pipe.py" "$port"
		status=$?
		kill $!
		wait
		exit $status
		;;
	esac
	;;
*) na "no such word" ;;
esac
