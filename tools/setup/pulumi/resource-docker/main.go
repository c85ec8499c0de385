// pulumi-resource-docker: the provider plugin of the pulumi-docker package.
//
// Like the official plugin, it is the Terraform provider for Docker behind Pulumi's bridge. It does not
// have docker.Image, the only resource that Pulumi wrote itself: the Go proxy does not have its module.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

const name = "docker"

var version = "0.0.0-dev"

func main() {
	info := mapping()
	if len(os.Args) == 2 && os.Args[1] == "-schema" {
		fmt.Println(packageSchema(info))
		return
	}
	ctx := context.Background()
	if err := endWithEngine(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-docker:", err)
		os.Exit(1)
	}
	info.P.InitLogging(ctx)
	err := provider.Main(name, func(host *provider.HostClient) (pulumirpc.ResourceProviderServer, error) {
		bridge := tfbridge.NewProvider(ctx, host, name, version, info.P, info, nil)
		return &plugin{bridge, info}, nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-docker:", err)
		os.Exit(1)
	}
}

// endWithEngine ends this process within seconds after the engine. The SDK checks only every five minutes.
func endWithEngine(ctx context.Context) error {
	engine := os.Args[len(os.Args)-1]
	if _, _, err := net.SplitHostPort(engine); err != nil {
		return nil // started by hand
	}
	return rpcutil.Healthcheck(ctx, engine, time.Second, func() { os.Exit(1) })
}
