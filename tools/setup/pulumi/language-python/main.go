// pulumi-language-python: the host that runs Python programs and policy packs for the Pulumi engine.
//
// The engine passes its own address as the argument, reads a port from the first line of the output, and
// calls this process there. Pulumi's own host is in a module that the Go proxy does not have.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-language-python:", err)
		os.Exit(1)
	}
}

func serve() error {
	engine, err := engineAddress()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if engine != "" {
		// If the engine is killed, nothing else ends this process.
		if err := rpcutil.Healthcheck(ctx, engine, time.Second, stop); err != nil {
			return err
		}
	}
	host := &host{engine: engine, stop: stop, done: ctx}
	err = listen(ctx, host)
	// A child that outlived this process would keep the pipes open, for which the engine waits for ever.
	stop()
	host.children.Wait()
	return err
}

// engineAddress returns the argument, if there is one. The flags that the engine may pass concern logs that
// this host does not write.
func engineAddress() (string, error) {
	flags := flag.NewFlagSet("pulumi-language-python", flag.ContinueOnError)
	flags.String("tracing", "", "ignored")
	flags.String("v", "", "ignored")
	flags.Bool("logtostderr", false, "ignored")
	flags.Bool("logflow", false, "ignored")
	err := flags.Parse(os.Args[1:])
	return flags.Arg(0), err
}

func listen(ctx context.Context, host *host) error {
	cancel := make(chan bool)
	context.AfterFunc(ctx, func() { close(cancel) })
	server, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: cancel,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, host)
			return nil
		},
	})
	if err != nil {
		return err
	}
	fmt.Println(server.Port)
	return <-server.Done
}
