package main

import (
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	docker "github.com/terraform-providers/terraform-provider-docker/internal/provider"
)

// mapping names the Terraform provider's resources as the pulumi-docker packages do.
func mapping() tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:       shim.NewProvider(docker.New(version)()),
		Name:    name,
		Version: version,
		Config: map[string]*tfbridge.SchemaInfo{
			"host": {Default: &tfbridge.DefaultInfo{
				Value:   "unix:///var/run/docker.sock",
				EnvVars: []string{"DOCKER_HOST"},
			}},
			"registry_auth": {Name: "registryAuth", MaxItemsOne: tfbridge.False()},
		},
		Resources: map[string]*tfbridge.ResourceInfo{
			"docker_buildx_builder": {Tok: resource("BuildxBuilder")},
			"docker_config":         {Tok: resource("ServiceConfig")},
			"docker_container": {
				Tok:                 resource("Container"),
				DeleteBeforeReplace: true,
				Fields:              keepNames("command", "networks_advanced"),
			},
			"docker_image":          {Tok: resource("RemoteImage"), Fields: keepNames("name")},
			"docker_network":        {Tok: resource("Network")},
			"docker_plugin":         {Tok: resource("Plugin")},
			"docker_registry_image": {Tok: resource("RegistryImage")},
			"docker_secret":         {Tok: resource("Secret")},
			"docker_service":        {Tok: resource("Service")},
			"docker_tag":            {Tok: resource("Tag")},
			"docker_volume":         {Tok: resource("Volume")},
		},
		DataSources: map[string]*tfbridge.DataSourceInfo{
			"docker_image":                    {Tok: function("getRemoteImage")},
			"docker_logs":                     {Tok: function("getLogs")},
			"docker_network":                  {Tok: function("getNetwork")},
			"docker_plugin":                   {Tok: function("getPlugin")},
			"docker_registry_image":           {Tok: function("getRegistryImage")},
			"docker_registry_image_manifests": {Tok: function("getRegistryImageManifests")},
		},
	}
	info.SetAutonaming(255, "-")
	return info
}

func resource(class string) tokens.Type {
	return tokens.Type(name + ":index/" + strings.ToLower(class[:1]) + class[1:] + ":" + class)
}

func function(member string) tokens.ModuleMember {
	return tokens.ModuleMember(name + ":index/" + member + ":" + member)
}

// keepNames keeps the bridge from making the names of these fields plural, and from generating defaults.
func keepNames(fields ...string) map[string]*tfbridge.SchemaInfo {
	kept := map[string]*tfbridge.SchemaInfo{}
	for _, field := range fields {
		words := strings.Split(field, "_")
		for i := 1; i < len(words); i++ {
			words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
		}
		kept[field] = &tfbridge.SchemaInfo{Name: strings.Join(words, "")}
	}
	return kept
}
