package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

// cmdElsewhere: elsewhere NAME. A machine of its own on a network of its own, a namespace behind a pair of links, with a service that
// returns what it is sent once its client has sent all. $NAME is its address with the port, $NAMEHOST without; $NAMEGATE is the address that the
// machine of the case has on that network.
func cmdElsewhere(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: elsewhere NAME")
	}
	n := rand.IntN(1 << 15)
	base := fmt.Sprintf("198.%d.%d.", 18+n>>14, n>>6&0xff)
	ours, theirs := fmt.Sprint(base, n&63*4+1), fmt.Sprint(base, n&63*4+2)
	link := fmt.Sprintf("gh%04xa", n)
	listener, err := listenApart(link, fmt.Sprintf("gh%04xb", n), ours, theirs)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go giveBack(c)
		}
	}()
	s.muted = append(s.muted, func() error { // the link first: the namespace, and with it the link, ends with the listener
		return errors.Join(ipLink("link", "del", link), listener.Close())
	})
	ts.Setenv(args[0], listener.Addr().String())
	ts.Setenv(args[0]+"HOST", theirs)
	ts.Setenv(args[0]+"GATE", ours)
	return nil
}

func giveBack(c net.Conn) {
	defer c.Close()
	if b, err := io.ReadAll(io.LimitReader(c, 64<<20)); err == nil {
		_, _ = c.Write(b) // a client that is gone is fine
	}
}

// listenApart makes the namespace, which lives as long as the listener in it, and links it with ours.
func listenApart(link, peer, ours, theirs string) (net.Listener, error) {
	thread, linked := make(chan int), make(chan error)
	var l net.Listener
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		thread <- unix.Gettid()
		if joined := <-linked; err == nil {
			err = joined
		}
		if err == nil {
			err = errors.Join(ipLink("addr", "add", theirs+"/30", "dev", peer), ipLink("link", "set", peer, "up")) // on this thread: in there
		}
		if err == nil {
			l, err = net.Listen("tcp4", theirs+":0")
		}
		done <- err
	}()
	there := fmt.Sprint(<-thread)
	linked <- cmp.Or(ipLink("link", "add", link, "type", "veth", "peer", "name", peer), ipLink("link", "set", peer, "netns", there),
		ipLink("addr", "add", ours+"/30", "dev", link), ipLink("link", "set", link, "up"))
	err := <-done
	return l, err
}

func ipLink(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// cmdTalk: talk ADDRESS TEXT REGEXP connects to a client's listener, sends the text, says that this was all, and wants an answer that matches.
func cmdTalk(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 3 {
		return errors.New("usage: talk ADDRESS TEXT REGEXP")
	}
	want, err := regexp.Compile(args[2])
	if err != nil {
		return err
	}
	network := "tcp"
	if strings.HasPrefix(args[0], "/") {
		network = "unix"
	}
	var c net.Conn
	if err := s.eventually(func() (err error) { // the client may not listen yet
		c, err = net.Dial(network, args[0])
		return err
	}); err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := c.Write([]byte(args[1])); err != nil {
		return err
	}
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		return err
	}
	b, err := io.ReadAll(c)
	if err != nil || !want.Match(b) {
		return fmt.Errorf("the answer is %q, %v", b, err)
	}
	return nil
}

// cmdBeyond: beyond NAME [TARGET=LOGIN,…]… starts another Gatehouse, with beyond.yaml as its policy, and gives the key of the client NAME a
// certificate for it, $NAME/beyond-cert.pub. $BEYOND is its address, $BEYONDGATE its folder.
func cmdBeyond(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) < 1 || s.beyond != nil {
		return errors.New("usage: beyond NAME [TARGET=LOGIN,…]…, once")
	}
	cfg := testgate.Config{Dir: filepath.Join(s.work, "beyond"), Binary: s.binary, Policy: ts.ReadFile("beyond.yaml"), Name: "beyond"}
	for _, a := range args[1:] {
		name, value, _ := strings.Cut(a, "=")
		cfg.Hosts = append(cfg.Hosts, testhost.Config{Name: name, Accounts: accounts(value)})
	}
	if err := os.Mkdir(cfg.Dir, 0o755); err != nil {
		return err
	}
	ctx := context.Background()
	var err error
	if s.beyond, err = testgate.Start(ctx, cfg); err != nil {
		return err
	}
	config, err := s.beyond.Enrol(ctx, "agent", args[0])
	if err != nil {
		return err
	}
	ts.Setenv("BEYOND", s.beyond.SSHAddr)
	ts.Setenv("BEYONDGATE", cfg.Dir)
	ts.Setenv("BEYONDCLIENT", filepath.Dir(config))
	return nil
}
