# Makes a host's files and programs, as root, alike on every host: NOW is in seconds, LOGIN the account that the lines run as.
set -eu
umask 022
export LC_ALL=C TZ=UTC HOME=/root

put() { # put PATH: standard input becomes the file
	mkdir -p "$(dirname "$1")"
	cat >"$1"
}

program() { # program NAME: a script that says how it was called, and then what standard input holds: shell text
	{ printf '#!/bin/sh\nname=%s\nsay() { printf "%%s" "$name"; printf " <%%s>" "$@"; echo; }\n' "$1"; cat; } >"/usr/local/bin/$1"
	chmod 755 "/usr/local/bin/$1"
}

# Logs.
mkdir -p /var/log/nginx /var/log/app/archive /var/log/journal /var/log/pods/web_api-0/api /var/log/postgresql /var/log/mysql
awk 'BEGIN {
	split("/ /health /login /api/orders /api/users /static/app.css /favicon.ico", path, " ")
	split("200 200 200 304 404 500 502 200 301", code, " ")
	split("Mozilla/5.0 curl/7.88.1 kube-probe/1.29", agent, " ")
	for (i = 1; i <= 400; i++)
		printf "10.0.%d.%d - - [12/Mar/2026:%02d:%02d:%02d +0000] \"%s %s HTTP/1.1\" %d %d \"-\" \"%s\"\n", i % 3, i % 17, 8 + i / 60, i % 60, i % 59, i % 5 ? "GET" : "POST", path[i % 7 + 1], code[i % 9 + 1], i * 37 % 5000, agent[i % 3 + 1]
}' >/var/log/nginx/access.log
awk 'BEGIN { for (i = 1; i <= 40; i++) printf "2026/03/12 %02d:%02d:00 [%s] 31#31: *%d %s, client: 10.0.1.%d, server: example.com\n", 8 + i / 10, i % 60, i % 4 ? "error" : "warn", i, i % 3 ? "upstream timed out (110: Connection timed out)" : "open() \"/srv/app/public/favicon.ico\" failed (2: No such file or directory)", i % 9 }' >/var/log/nginx/error.log
for name in api worker; do
	awk -v name=$name 'BEGIN {
		split("INFO INFO INFO WARN ERROR DEBUG", level, " ")
		for (i = 1; i <= 300; i++)
			printf "2026-03-12T%02d:%02d:%02dZ %s %s request_id=%04d took=%dms %s\n", 6 + i / 30, i % 60, i * 7 % 60, level[i % 6 + 1], name, i, i * 13 % 900, i % 6 == 4 ? "connection refused: db-1:5432" : i % 11 == 0 ? "Out of memory: user cache dropped" : "ok"
	}' >/var/log/app/$name.log
done
awk 'BEGIN { for (i = 1; i <= 20; i++) printf "{\"time\":\"2026-03-12T08:%02d:00Z\",\"level\":\"%s\",\"status\":%d,\"path\":\"/api/%s\",\"ms\":%d}\n", i, i % 4 ? "info" : "error", i % 4 ? 200 : 500, i % 2 ? "orders" : "users", i * 11 }' >/var/log/app/events.json
head -100 /var/log/app/api.log >/var/log/app/api.log.1
head -50 /var/log/app/api.log | gzip -n >/var/log/app/archive/api-2026-03-10.log.gz
head -50 /var/log/app/worker.log >/var/log/app/archive/worker-2026-03-10.log
: >/var/log/app/empty.log
echo "a name with a space" >"/var/log/app/with space.log"
awk 'BEGIN { for (i = 1; i <= 60; i++) printf "Mar 12 %02d:%02d:01 host %s: %s\n", 7 + i / 12, i % 60, i % 3 ? "sshd[811]" : "kernel", i % 3 ? "Accepted publickey for deploy from 10.0.0." i : i % 2 ? "[ 812.1] Out of memory: Killed process 4242 (java)" : "[ 99.0] EXT4-fs (sda1): mounted filesystem" }' >/var/log/syslog
cp /var/log/syslog /var/log/auth.log
cp /var/log/syslog /var/log/messages
awk 'BEGIN { for (i = 1; i <= 30; i++) printf "2026-03-12 09:%02d:00.000 UTC [77] %s:  %s\n", i, i % 5 ? "LOG" : "ERROR", i % 5 ? "duration: " i * 31 " ms  statement: SELECT * FROM orders" : "deadlock detected" }' >/var/log/postgresql/postgresql-15-main.log
awk 'BEGIN { for (i = 1; i <= 12; i++) printf "2026-03-12T09:%02d:00.000000Z stdout F {\"level\":\"%s\",\"msg\":\"sync %d\"}\n", i, i % 3 ? "info" : "error", i }' >/var/log/pods/web_api-0/api/0.log
mkdir -p /var/log/containers
ln -sfn /var/log/pods/web_api-0/api/0.log /var/log/containers/api-0_web_api.log
mkdir -p /var/log/app/links
ln -sfn /etc/passwd /var/log/app/links/passwd.log

# The application: a repository with a remote, two releases and work in progress.
export GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com GIT_CONFIG_GLOBAL=/dev/null
mkdir -p /srv/app /srv/git
cd /srv/app
git init -q -b main .
commit() { # commit DAY TEXT
	git add -A
	GIT_AUTHOR_DATE="2026-03-$1T10:00:00Z" GIT_COMMITTER_DATE="2026-03-$1T10:00:00Z" git commit -qm "$2"
}
mkdir -p config public
printf 'port: 8080\nlog_level: info\ndatabase: db-1\n' >config/app.yaml
printf '{"name":"app","version":"2.3.0","services":[{"name":"api","port":8080},{"name":"worker","port":8081}]}\n' >package.json
printf 'int main(void) { return 0; }\n' >main.c
printf '# App\n\nRun it.\n' >README.md
printf 'tmp/\n' >.gitignore
printf 'body { margin: 0 }\n' >public/app.css
commit 01 'first version'
git tag v2.3.0
printf 'timeout: 30\n' >>config/app.yaml
commit 05 'config: a timeout'
sed -i s/2.3.0/2.4.0/ package.json
commit 09 'release 2.4.0'
git tag v2.4.0
git branch feature/search
git clone -q --bare . /srv/git/app.git
git remote add origin /srv/git/app.git
git fetch -q origin
git branch -q --set-upstream-to=origin/main main
printf 'retries: 3\n' >>config/app.yaml
printf 'note\n' >notes.txt
mkdir -p tmp/upload tmp/old
printf '1\n' >tmp/pid
printf 'b 2\na 1\nc 3\na 1\n' >tmp/list
printf 'name,age\nann,41\nben,35\n' >tmp/people.csv

# Releases in their folders, with a link to the current one.
mkdir -p /srv/releases/v1 /srv/releases/v2 /srv/incoming /srv/shared
printf 'one\n' >/srv/releases/v1/index.html
printf 'two\n' >/srv/releases/v2/index.html
printf '1.0.0\n' >/srv/releases/v1/VERSION
printf '2.0.0\n' >/srv/releases/v2/VERSION
ln -sfn /srv/releases/v1 /srv/current
tar -C /srv/releases/v2 --sort=name --mtime=@0 --owner=0 --group=0 -czf /srv/incoming/app-3.0.0.tar.gz index.html VERSION
(cd /srv/incoming && sha256sum app-3.0.0.tar.gz >app-3.0.0.tar.gz.sha256)
mkdir -p /srv/backup /srv/queries
printf 'select 1;\n' >/srv/queries/health.sql

# Programs that a test host does not have, or whose output changes from moment to moment.
program systemctl <<'END'
say "$@"
for word; do case $word in
is-active) echo active; exit 0 ;;
is-enabled) echo enabled; exit 0 ;;
is-failed) echo active; exit 1 ;;
--failed) printf '  UNIT LOAD ACTIVE SUB DESCRIPTION\n0 loaded units listed.\n'; exit 0 ;;
list-units | list-timers) printf 'nginx.service loaded active running A web server\napp-api.service loaded active running API\napp-worker.service loaded failed failed Worker\n'; exit 0 ;;
show) printf 'MainPID=812\nActiveState=active\nSubState=running\n'; exit 0 ;;
status) printf '* unit - a service\n     Loaded: loaded (/lib/systemd/system/unit.service; enabled)\n     Active: active (running) since Thu 2026-03-12 08:00:00 UTC\n   Main PID: 812\n'
	case "$*" in *worker*) exit 3 ;; esac; exit 0 ;;
esac; done
END
program journalctl <<'END'
say "$@"
i=1
while [ $i -le 12 ]; do
	level=info; [ $((i % 4)) = 0 ] && level=error
	echo "Mar 12 09:0$((i % 10)):00 host app[812]: level=$level msg=\"request $i\""
	i=$((i + 1))
done
END
program nginx <<'END'
say "$@"
case $1 in -v) echo 'nginx version: nginx/1.22.1' >&2 ;; -t) echo 'nginx: configuration file /etc/nginx/nginx.conf test is successful' >&2 ;; -T) printf 'server {\n    listen 80;\n    server_name example.com;\n}\n' ;; esac
END
program curl <<'END'
say "$@"
case "$*" in *http_code*) echo 200 ;; *fail*) exit 22 ;; *) echo '{"status":"ok","version":"2.4.0"}' ;; esac
END
for name in docker crictl kubectl; do
	program $name <<'END'
say "$@"
case "$*" in
*"-o json"* | *"-ojson"*) echo '{"items":[{"metadata":{"name":"api-0","namespace":"web"},"status":{"phase":"Running"}},{"metadata":{"name":"api-1","namespace":"web"},"status":{"phase":"Pending"}}]}' ;;
*logs*) printf 'level=info msg="start"\nlevel=error msg="lost db-1"\nlevel=info msg="retry"\n' ;;
*notfound*) echo "Error from server (NotFound): pods not found" >&2; exit 1 ;;
*) printf 'NAME        READY   STATUS             RESTARTS   AGE\napi-0       1/1     Running            0          3d\napi-1       0/1     CrashLoopBackOff   12         3d\nworker-0    1/1     Running            1          9d\n' ;;
esac
END
done
for name in psql mysql pg_dump mysqldump; do
	program $name <<'END'
say "$@"
case "$*" in *nosuch*) echo 'ERROR:  relation "nosuch" does not exist' >&2; exit 1 ;; esac
printf ' id | state  | count \n----+--------+-------\n  1 | active |    12\n  2 | idle   |     3\n'
END
done
for name in apt apt-cache apt-mark rsync ssh service; do
	program $name <<'END'
say "$@"
printf 'bash/stable,now 5.2.15 amd64 [installed]\ncurl/stable 7.88.1 amd64 [upgradable from: 7.88.0]\n'
END
done
program ps <<'END'
say "$@"
printf 'USER  PID %%CPU %%MEM COMMAND\nroot    1  0.0  0.1 /sbin/init\ndeploy 812 12.5 20.1 node server.js\ndeploy 813  0.3  4.0 node worker.js\nwww     31  1.0  0.4 nginx: worker process\n'
END
for name in sysctl uptime free top ss lsof netstat last lastlog who w dmesg vmstat iostat mpstat pgrep pidof ip ping dig hostnamectl timedatectl lsblk nproc kubelet ethtool; do
	program $name <<'END'
say "$@"
printf 'first line of output 80 LISTEN 0.0.0.0:443 error\nsecond line 443 ESTAB 10.0.0.7:5432 warn Out of memory\nthird 0 ok\n'
END
done
program df <<'END'
say "$@"
printf 'Filesystem Size Used Avail Use%% Mounted\n/dev/sda1 40G 31G 9G 78%% /\n/dev/sdb1 200G 190G 10G 95%% /srv\n'
END

put "/home/$LOGIN/notes.txt" <<END
remember the milk
END
put "/home/$LOGIN/bin/planted" <<END
#!/bin/sh
echo planted
END
chmod 755 "/home/$LOGIN/bin/planted"
ln -sfn "/home/$LOGIN" /srv/home-link

# The login owns what it works on. All times are the same everywhere; old archives are old.
chown -hR "$LOGIN:$LOGIN" /srv/app /srv/git /srv/releases /srv/incoming /srv/shared /srv/current /srv/backup "/home/$LOGIN"
chown "$LOGIN:$LOGIN" /srv
find /srv "/home/$LOGIN" /var/log -exec touch -h -d "@$((NOW - 3600))" {} +
find /var/log/app/archive -exec touch -h -d "@$((NOW - 10 * 86400))" {} +
touch -d "@$NOW" /var/log/app/api.log /var/log/nginx/access.log
