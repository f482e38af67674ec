// Package packaging holds what a package is made of (nfpm.yaml, units, maintainer scripts) and its tests.
package packaging

import (
	"embed"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// given are packages to try in the place of those that the test makes: scripts/release-check has real ones.
var given = flag.String("debs", "", "OLD.deb,NEW.deb")

//go:embed debian sysusers.d tmpfiles.d
var parts embed.FS

// TestPackageLivesAndDies installs, upgrades, removes and purges the package by the real dpkg, in a copy of this system that
// nothing is written through: purge never deletes what Gatehouse or people wrote.
func TestPackageLivesAndDies(t *testing.T) {
	dir := t.TempDir()
	old, fresh, ok := strings.Cut(*given, ",")
	if !ok {
		old, fresh = deb(t, dir, "1.0~a"), deb(t, dir, "1.0~b")
	}
	for name, from := range map[string]string{"old.deb": old, "new.deb": fresh, "lifecycle.sh": filepath.Join("testdata", "lifecycle.sh")} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const copyOf = `set -e
mkdir "$1/copy"
mount -t tmpfs tmpfs "$1/copy"
mkdir "$1/copy/upper" "$1/copy/work" "$1/copy/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/copy/upper,workdir=$1/copy/work" "$1/copy/root"
mkdir "$1/copy/root/package"
cp "$1/old.deb" "$1/new.deb" "$1/lifecycle.sh" "$1/copy/root/package/"
for dir in etc/gatehouse var/lib/gatehouse; do [ ! -e "$1/copy/root/$dir" ] || rm -r "$1/copy/root/$dir"; done
mount -t proc proc "$1/copy/root/proc"
mount --rbind /dev "$1/copy/root/dev"
chroot "$1/copy/root" /package/lifecycle.sh /package/old.deb /package/new.deb
`
	out, err := exec.Command("unshare", "--mount", "--pid", "--fork", "sh", "-c", copyOf, "sh", dir).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for _, path := range []string{"/usr/bin/gatehouse", "/var/lib/dpkg/info/gatehouse.list"} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s: the copy was not a copy", path)
		}
	}
}

// deb makes a package with our maintainer scripts and a program that only knows its version.
func deb(t *testing.T, dir, version string) string {
	t.Helper()
	tree := filepath.Join(dir, version)
	write := func(path, text string, mode fs.FileMode) {
		path = filepath.Join(tree, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	read := func(path string) string {
		text, err := parts.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	write("DEBIAN/control", fmt.Sprintf("Package: gatehouse\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\nDescription: test\n", version), 0o644)
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		write(filepath.Join("DEBIAN", script), read(filepath.Join("debian", script)), 0o755)
	}
	for _, kind := range []string{"sysusers.d", "tmpfiles.d"} {
		write(filepath.Join("usr/lib", kind, "gatehouse.conf"), read(filepath.Join(kind, "gatehouse.conf")), 0o644)
	}
	write("usr/bin/gatehouse", "#!/bin/sh\necho gatehouse "+version+"\n", 0o755)
	write("usr/share/gatehouse/x.schema.json", "{}\n", 0o644)
	path := filepath.Join(dir, version+".deb")
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}
