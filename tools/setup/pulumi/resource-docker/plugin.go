package main

import (
	"context"
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

const noImage = "this plugin has no docker.Image, because it was built from source and that resource is " +
	"only in the plugin that Pulumi releases: use docker.RemoteImage(build=...), or install the release by " +
	"`pulumi plugin install resource docker` where its download site can be reached"

type plugin struct {
	pulumirpc.ResourceProviderServer
	info tfbridge.ProviderInfo
}

func (p *plugin) Check(ctx context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	if isImage(req.Urn) {
		return &pulumirpc.CheckResponse{
			Inputs:   req.News,
			Failures: []*pulumirpc.CheckFailure{{Reason: noImage}},
		}, nil
	}
	return p.ResourceProviderServer.Check(ctx, req)
}

// Delete does nothing for a docker.Image, which the official plugin has made and does not delete either.
func (p *plugin) Delete(ctx context.Context, req *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	if isImage(req.Urn) {
		return &emptypb.Empty{}, nil
	}
	return p.ResourceProviderServer.Delete(ctx, req)
}

func (p *plugin) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	return &pulumirpc.GetSchemaResponse{Schema: packageSchema(p.info)}, nil
}

func isImage(urn string) bool {
	return strings.Contains(urn, "::docker:index/image:Image::") || strings.Contains(urn, "$docker:index/image:Image::")
}
