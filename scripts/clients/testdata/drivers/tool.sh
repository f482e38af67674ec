#!/usr/bin/env bash
# Speaks for programs that work over OpenSSH or carry files (docs/spec/client-driver.md): tool.sh TOOL WORD ARG…
set -uo pipefail

ssh="ssh -F $GH_CONFIG -o BatchMode=yes"
host=$GH_USER@gatehouse
[ "${GH_WAY-}" != jump ] || { ssh="$ssh -J gatehouse" host=$GH_LOGIN@$GH_TARGET; }
na() { echo "$1" >"$GH_NA"; exit 0; }

tool=$1
shift
flags=()
[ "$1" != -O ] || { flags=(-O); shift; }
word=$1
from=$2
to=$3
quoted() { printf '"%s"' "$(sed 's/[\\"]/\\&/g' <<<"$1")"; }

case $tool-$word in
sftp-put | sftp-put-dir) printf 'put -r %s %s\n' "$(quoted "$from")" "$(quoted "$to")" | sftp ${ssh#ssh} -b - "$host" ;;
sftp-get | sftp-get-dir) printf 'get -r %s %s\n' "$(quoted "$from")" "$(quoted "$to")" | sftp ${ssh#ssh} -b - "$host" ;;
scp-put | scp-put-dir) scp ${ssh#ssh} "${flags[@]}" -r "$from" "$host:$to" ;;
scp-get | scp-get-dir) scp ${ssh#ssh} "${flags[@]}" -r "$host:$from" "$to" ;;
rsync-put) rsync -e "$ssh" -t "$from" "$host:$to" ;;
rsync-get) rsync -e "$ssh" -t "$host:$from" "$to" ;;
rsync-put-dir) rsync -e "$ssh" -rt "$from/" "$host:$to/" ;;
rsync-get-dir) rsync -e "$ssh" -rt "$host:$from/" "$to/" ;;
git-work) # a push, a clone of it, a change by a second push, a pull
	export GIT_SSH_COMMAND=$ssh GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@x
	set -e
	cd "$to"
	git init -q -b main one && cd one
	head -c 3000000 /dev/urandom >blob && git add blob && git commit -qm one
	git push -q "$host:$from/repo.git" main
	cd .. && git clone -q -b main "$host:$from/repo.git" two && cmp one/blob two/blob
	cd two && echo more >more && git add more && git commit -qm two && git push -q origin main
	cd ../one && git pull -q --ff-only "$host:$from/repo.git" main && cmp more ../two/more
	;;
git-get)
	[ "$from" != /etc/passwd ] || exec env GIT_SSH_COMMAND="$ssh" git ls-remote "$host:/etc"
	na "git carries repositories; see its work"
	;;
git-*) na "git carries repositories; see its work" ;;
ansible-work) # copy, command and fetch, each by every way that Ansible has for files, and pipelined
	set -e
	cd "$to"
	echo "box ansible_host=gatehouse ansible_user=$GH_USER" >inventory
	echo content >sent
	export ANSIBLE_SSH_ARGS="${ssh#ssh } -o ControlMaster=auto -o ControlPersist=20 -o ControlPath=$to/cp" ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3 ANSIBLE_REMOTE_TEMP=/home/deploy/.ansible/tmp ANSIBLE_LOCAL_TEMP=$to/tmp
	for way in smart scp piped pipelined; do
		unset ANSIBLE_PIPELINING ANSIBLE_SSH_TRANSFER_METHOD
		if [ $way = pipelined ]; then export ANSIBLE_PIPELINING=1; else export ANSIBLE_SSH_TRANSFER_METHOD=$way; fi
		ansible -i inventory box -m copy -a "src=sent dest=$from/$way"
		ansible -i inventory box -m command -a "cat $from/$way" | grep -x content
		ansible -i inventory box -m fetch -a "src=$from/$way dest=fetched-$way flat=yes"
		cmp sent "fetched-$way"
	done
	! ansible -i inventory box -m raw -a id >denied
	grep -q 'rc=126' denied && grep -q 'gatehouse: DENIED by policy' denied
	;;
ansible-*) na "Ansible's modules do it; see its work" ;;
sftp-work) # what else a client of files does
	cd "$to" && echo x >x
	printf '%s\n' "mkdir $from/w" "put x $from/w/x" "chmod 600 $from/w/x" "rename $from/w/x $from/w/y" "ls -l $from/w" "get -p $from/w/y z" "rm $from/w/y" "rmdir $from/w" |
		sftp ${ssh#ssh} -b - "$host" && cmp x z
	;;
scp-work) # several at once, a pattern, attributes kept
	set -e
	cd "$to" && mkdir -p many back && for i in 1 2 3; do echo $i >many/f$i; done
	scp ${ssh#ssh} "${flags[@]}" -pq many/f1 many/f2 many/f3 "$host:$from/"
	scp ${ssh#ssh} "${flags[@]}" -pq "$host:$from/f*" back/
	diff -r many back
	;;
rsync-work) # only what changed, deletion, compression, attributes
	set -e
	cd "$to" && mkdir -p tree && echo 1 >tree/a && echo 2 >tree/b
	rsync -e "$ssh" -az tree/ "$host:$from/w/"
	rm tree/b && echo 33 >tree/a # another size: the time may be of the same second
	rsync -e "$ssh" -az --delete tree/ "$host:$from/w/"
	rsync -e "$ssh" -a "$host:$from/w/" back/ && diff -r tree back
	;;
sshfs-*)
	mount=$GH_DIR/mount
	mkdir -p "$mount"
	sshfs -o "ssh_command=$ssh" "$host:/srv/files" "$mount" || exit
	trap 'fusermount -u "$mount" 2>/dev/null || umount "$mount"' EXIT
	here() { echo "$mount${1#/srv/files}"; }
	case $word in
	put) cp "$from" "$(here "$to")" ;;
	get)
		case $from in
		/srv/files/*) cp "$(here "$from")" "$to" ;;
		*) na "only what is mounted has a name" ;;
		esac
		;;
	put-dir) cp -r "$from" "$(here "$to")" ;;
	get-dir) cp -r "$(here "$from")" "$to" ;;
	work)
		set -e
		cd "$(here "$from")" && mkdir -p w && echo 1 >w/a && echo 2 >>w/a && mv w/a w/b && grep -q 2 w/b && rm -r w
		cd /
		;;
	esac
	;;
lftp-*)
	q() { printf "'%s'" "$(sed "s/'/'\\\\''/g" <<<"$1")"; }
	run() { lftp -c "set net:max-retries 1; set net:timeout 20; set sftp:auto-confirm no; set sftp:connect-program \"$ssh -a -x\"; open -u ${host%@*}, sftp://${host##*@}; $1"; }
	case $word in
	put) run "put $(quoted "$from") -o $(quoted "$to")" ;;
	get) run "get $(quoted "$from") -o $(quoted "$to")" ;;
	put-dir) run "mirror -R $(quoted "$from") $(quoted "$to")" ;;
	get-dir) run "mirror $(quoted "$from") $(quoted "$to")" ;;
	work) cd "$to" && echo x >x && run "mkdir $from/w; put x -o $from/w/x; mv $from/w/x $from/w/y; ls $from/w; rm $from/w/y; rmdir $from/w" ;;
	esac
	;;
curl-*)
	if [ -n "${GH_DIRECT-}" ]; then
		exec curl -sS --key "$GH_KEY" --pubkey "$GH_CERT" --hostpubsha256 "${GH_FINGERPRINT#SHA256:}" -u "$GH_USER:" -o "$to" "sftp://$GH_HOST:$GH_PORT$from"
	fi
	pin=$(cut -d' ' -f2 "$GH_DIR/relay/host_ecdsa.pub" | base64 -d | sha256sum | cut -d' ' -f1 | xxd -r -p | base64 | tr -d =)
	url=sftp://127.0.0.1:$GH_RELAY_PORT
	by=(-sS --key "$GH_RELAY_KEY" --pubkey "$GH_RELAY_KEY.pub" --hostpubsha256 "$pin" -u "$GH_RELAY_USER:")
	case $word in
	put) curl "${by[@]}" -T "$from" "$url$to" ;;
	get) curl "${by[@]}" -o "$to" "$url$from" ;;
	work) curl "${by[@]}" -l "$url$from/" ;;
	*) na "curl carries one file at a time" ;;
	esac
	;;
*) na "no such word" ;;
esac
