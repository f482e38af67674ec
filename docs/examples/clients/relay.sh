#!/bin/sh
# relay.sh FOLDER SSH_CONFIG LOGIN@TARGET PORT KEY.pub
#
# A relay for clients that cannot show a certificate: an sshd of your own, on loopback alone, that lets one plain key in and hands
# each command, and sftp, to OpenSSH's client, which has the certificate. It runs as you, without root, until it is ended.
#
#   FOLDER       is made, and holds the relay's host keys
#   SSH_CONFIG   what `gatehouse ssh-config` or `gatehouse login` wrote
#   KEY.pub      whoever has this key, and reaches this machine's loopback, acts as you as long as your certificate is good
set -eu
mkdir -p "$1"
chmod 700 "$1"
cd "$1"
for type in ed25519 ecdsa; do
	[ -e "host_$type" ] || ssh-keygen -q -t "$type" -N '' -f "host_$type"
done
cp "$5" authorized_keys
cat >command <<END
#!/bin/sh
gate() { exec ssh -F "$2" -o BatchMode=yes -o ControlMaster=auto -o ControlPath=$PWD/mux -o ControlPersist=60 -o "SendEnv=LANG LC_* APP_*" "\$@"; }
case \$SSH_ORIGINAL_COMMAND in
'') gate -tt "$3@gatehouse" ;;
relay-sftp) gate -s "$3@gatehouse" sftp ;;
esac
[ -z "\${SSH_TTY-}" ] || gate -tt "$3@gatehouse" "\$SSH_ORIGINAL_COMMAND"
gate "$3@gatehouse" "\$SSH_ORIGINAL_COMMAND"
END
chmod 700 command
cat >sshd_config <<END
ListenAddress 127.0.0.1:$4
HostKey $PWD/host_ed25519
HostKey $PWD/host_ecdsa
AuthorizedKeysFile $PWD/authorized_keys
AllowUsers $(id -un)
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
DisableForwarding yes
AcceptEnv LANG LC_* APP_*
Subsystem sftp relay-sftp
ForceCommand $PWD/command
END
exec /usr/sbin/sshd -D -e -f "$PWD/sshd_config"
