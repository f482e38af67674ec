/* Speaks for libssh (docs/spec/client-driver.md). */
#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ssh_session session;

static int rekeys;

/* The library's own word for new keys, the only one that it has. */
static void count_keys(int priority, const char *function, const char *text, void *userdata) {
	(void)priority, (void)userdata;
	if (strstr(function, "newkeys") && strstr(text, "Received SSH_MSG_NEWKEYS"))
		rekeys++;
	if (getenv("GH_LOG"))
		fprintf(stderr, "%s: %s\n", function, text);
}

static void na(const char *why) {
	FILE *f = fopen(getenv("GH_NA"), "w");
	fputs(why, f);
	fclose(f);
	exit(0);
}

static void fail(const char *what) {
	fprintf(stderr, "%s: %s\n", what, ssh_get_error(session));
	exit(255);
}

static void check_door(void) {
	ssh_key key;
	unsigned char *hash;
	size_t length;
	if (ssh_get_server_publickey(session, &key) != SSH_OK ||
	    ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) != SSH_OK)
		fail("host key");
	char *print = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, length);
	if (strcmp(print, getenv("GH_FINGERPRINT")) != 0) {
		fprintf(stderr, "the door has another key: %s\n", print);
		exit(255);
	}
}

static void authenticate(int agent) {
	int rc;
	if (agent) {
		rc = ssh_userauth_agent(session, NULL);
	} else {
		ssh_key key, cert;
		if (ssh_pki_import_privkey_file(getenv("GH_KEY"), NULL, NULL, NULL, &key) != SSH_OK)
			fail("key");
		if (*getenv("GH_CERT")) {
			if (ssh_pki_import_cert_file(getenv("GH_CERT"), &cert) != SSH_OK || ssh_pki_copy_cert_to_privkey(cert, key) != SSH_OK)
				fail("certificate");
		}
		rc = ssh_userauth_publickey(session, NULL, key);
	}
	if (rc != SSH_AUTH_SUCCESS) {
		char *banner = ssh_get_issue_banner(session);
		if (banner)
			fputs(banner, stderr);
		fail("authentication");
	}
}

static void connect_door(const char *word) {
	int port = atoi(getenv("GH_PORT"));
	uint64_t rekey = 2 << 20;
	int no = 0, yes = 1;
	session = ssh_new();
	ssh_options_set(session, SSH_OPTIONS_HOST, getenv("GH_HOST"));
	ssh_options_set(session, SSH_OPTIONS_PORT, &port);
	ssh_options_set(session, SSH_OPTIONS_USER, getenv("GH_USER"));
	ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no);
	ssh_options_set(session, SSH_OPTIONS_NODELAY, &yes); /* its sftp waits for each answer */
	ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, "ssh-ed25519");
	if (strcmp(word, "compress") == 0)
		ssh_options_set(session, SSH_OPTIONS_COMPRESSION, "zlib@openssh.com,zlib,none");
	if (strcmp(word, "rekey") == 0) {
		ssh_options_set(session, SSH_OPTIONS_REKEY_DATA, &rekey);
		ssh_set_log_callback(count_keys);
		ssh_set_log_level(SSH_LOG_PROTOCOL);
	}
	if (ssh_connect(session) != SSH_OK)
		fail("connect");
	check_door();
	authenticate(strcmp(word, "agent") == 0);
}

static ssh_channel open_channel(void) {
	ssh_channel c = ssh_channel_new(session);
	if (!c || ssh_channel_open_session(c) != SSH_OK)
		fail("channel");
	return c;
}

static void put(int fd, const char *buf, int n) {
	while (n > 0) {
		int w = write(fd, buf, n);
		if (w < 0)
			exit(255);
		buf += w;
		n -= w;
	}
}

static int drain(ssh_channel c, int err) {
	static char buf[65536];
	int n = ssh_channel_read_nonblocking(c, buf, sizeof buf, err);
	if (n > 0)
		put(err ? 2 : 1, buf, n);
	return n;
}

/* Moves the streams until the channel has ended; input says whether the client's own is sent. keepalive: sends one a second. */
static int carry(ssh_channel c, int input, int keepalive) {
	static char buf[32768];
	int idle = 0;
	while (!ssh_channel_is_closed(c)) {
		int moved = 0;
		if (drain(c, 0) > 0 || drain(c, 1) > 0)
			moved = 1;
		struct pollfd p = {0, POLLIN, 0};
		if (input && ssh_channel_window_size(c) > 0 && poll(&p, 1, 0) > 0) {
			int want = sizeof buf;
			if ((uint32_t)want > ssh_channel_window_size(c))
				want = ssh_channel_window_size(c);
			int n = read(0, buf, want);
			if (n <= 0) {
				ssh_channel_send_eof(c);
				input = 0;
			} else if (ssh_channel_write(c, buf, n) != n) {
				fail("write");
			}
			moved = 1;
		}
		if (!moved && ssh_channel_is_eof(c) && (!input || ssh_channel_get_exit_status(c) != -1))
			break;
		if (!moved) {
			struct pollfd s[2] = {{ssh_get_fd(session), POLLIN, 0}, {input ? 0 : -1, POLLIN, 0}};
			if (input && ssh_channel_window_size(c) == 0)
				s[1].fd = -1;
			poll(s, 2, 200);
			if (keepalive && ++idle % 5 == 0)
				ssh_send_keepalive(session);
			if (ssh_channel_poll_timeout(c, 0, 0) == SSH_ERROR)
				break;
		}
	}
	while (drain(c, 0) > 0 || drain(c, 1) > 0)
		;
	int status = ssh_channel_get_exit_status(c);
	return status < 0 ? 255 : status;
}

static int execute(const char *line, int input, int keepalive) {
	ssh_channel c = open_channel();
	if (ssh_channel_request_exec(c, line) != SSH_OK)
		fail("exec");
	int status = carry(c, input, keepalive);
	ssh_channel_free(c);
	return status;
}

static int with_env(char **args) {
	ssh_channel c = open_channel();
	for (char **a = args + 1; *a; a++) {
		char *value = strchr(*a, '=');
		*value++ = 0;
		if (ssh_channel_request_env(c, *a, value) != SSH_OK)
			fprintf(stderr, "%s was refused\n", *a);
	}
	if (ssh_channel_request_exec(c, args[0]) != SSH_OK)
		fail("exec");
	return carry(c, 0, 0);
}

static int read_line(ssh_channel c, char *line, int size) {
	int n = 0;
	while (n < size - 1) {
		if (ssh_channel_read(c, line + n, 1, 0) != 1)
			break;
		if (line[n++] == '\n')
			break;
	}
	line[n] = 0;
	put(1, line, n);
	return n;
}

static int terminal(char **a) {
	char line[256];
	ssh_channel c = open_channel();
	if (ssh_channel_request_pty_size(c, "xterm", atoi(a[1]), atoi(a[2])) != SSH_OK || ssh_channel_request_exec(c, a[0]) != SSH_OK)
		fail("pty");
	read_line(c, line, sizeof line);
	ssh_channel_change_pty_size(c, atoi(a[3]), atoi(a[4]));
	return carry(c, 0, 0);
}

static int send_signal(char **a) {
	char line[256];
	ssh_channel c = open_channel();
	if (ssh_channel_request_exec(c, a[1]) != SSH_OK)
		fail("exec");
	read_line(c, line, sizeof line);
	ssh_channel_request_send_signal(c, a[0]);
	return carry(c, 0, 0);
}

static int sftp_fail(sftp_session sftp, const char *what) {
	fprintf(stderr, "%s: %s (sftp %d)\n", what, ssh_get_error(session), sftp_get_error(sftp));
	return 1;
}

static int files(const char *word, const char *from, const char *to) {
	static char buf[32768];
	int n, up = strcmp(word, "put") == 0;
	sftp_session sftp = sftp_new(session);
	if (!sftp || sftp_init(sftp) != SSH_OK)
		return sftp_fail(sftp, "sftp");
	FILE *here = fopen(up ? from : to, up ? "rb" : "wb");
	sftp_file there = sftp_open(sftp, up ? to : from, up ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0644);
	if (!there)
		return sftp_fail(sftp, "open");
	if (up) {
		while ((n = fread(buf, 1, sizeof buf, here)) > 0)
			if (sftp_write(there, buf, n) != n)
				return sftp_fail(sftp, "write");
	} else {
		while ((n = sftp_read(there, buf, sizeof buf)) > 0)
			fwrite(buf, 1, n, here);
		if (n < 0)
			return sftp_fail(sftp, "read");
	}
	fclose(here);
	if (sftp_close(there) != SSH_OK)
		return sftp_fail(sftp, "close");
	sftp_free(sftp);
	return 0;
}

static int forward(const char *host, int port) {
	ssh_channel c = ssh_channel_new(session);
	if (ssh_channel_open_forward(c, host, port, "127.0.0.1", 0) != SSH_OK) {
		fprintf(stderr, "%s\n", ssh_get_error(session));
		return 1;
	}
	carry(c, 1, 0);
	return 0;
}

static int channels(int n) {
	ssh_channel c[64];
	char first[64][256], rest[256];
	for (int i = 0; i < n; i++) {
		c[i] = open_channel();
		if (ssh_channel_request_exec(c[i], "meet") != SSH_OK)
			fail("exec");
	}
	for (int i = 0; i < n; i++) { /* all are there before one is told anything */
		int got = 0;
		while (got < 6 && ssh_channel_read(c[i], first[i] + got, 1, 0) == 1)
			got++;
		first[i][got] = 0;
	}
	for (int i = 0; i < n; i++) {
		int len = snprintf(rest, sizeof rest, "channel %d\n", i);
		ssh_channel_write(c[i], rest, len);
		ssh_channel_send_eof(c[i]);
		put(1, first[i], strlen(first[i]));
		carry(c[i], 0, 0);
	}
	return 0;
}

int main(int argc, char **argv) {
	const char *word = argv[1];
	char **a = argv + 2;
	(void)argc;
	if (strcmp(word, "host-ca") == 0)
		na("libssh knows no host certificates: pin the door's key");
	connect_door(word);
	int status = 0;
	if (strcmp(word, "exec") == 0 || strcmp(word, "certificate") == 0) {
		status = execute(a[0], 1, 0);
	} else if (strcmp(word, "agent") == 0 || strcmp(word, "host-key") == 0 || strcmp(word, "compress") == 0) {
		status = execute(a[0], 0, 0);
	} else if (strcmp(word, "rekey") == 0) {
		rekeys = 0; /* the first keys are no new ones */
		status = execute(a[0], 1, 0);
		fprintf(stderr, "rekeys %d\n", rekeys);
	} else if (strcmp(word, "keepalive") == 0) {
		status = execute(a[0], 0, 1);
	} else if (strcmp(word, "env") == 0) {
		status = with_env(a);
	} else if (strcmp(word, "pty") == 0) {
		status = terminal(a);
	} else if (strcmp(word, "signal") == 0) {
		status = send_signal(a);
	} else if (strcmp(word, "many") == 0) {
		for (int i = 0; i < atoi(a[0]); i++) {
			char line[64];
			snprintf(line, sizeof line, "leave %d", i);
			printf("%d\n", execute(line, 0, 0));
			fflush(stdout);
		}
	} else if (strcmp(word, "channels") == 0) {
		status = channels(atoi(a[0]));
	} else if (strcmp(word, "put") == 0 || strcmp(word, "get") == 0) {
		status = files(word, a[0], a[1]);
	} else if (strcmp(word, "put-dir") == 0 || strcmp(word, "get-dir") == 0) {
		na("a program's own loop over one file and the next");
	} else if (strcmp(word, "forward") == 0) {
		status = forward(a[0], atoi(a[1]));
	} else {
		na("no such word");
	}
	ssh_disconnect(session);
	return status;
}
