package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
)

func (h *host) GetRequiredPackages(
	ctx context.Context, req *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	tools, err := resolve(req.Info)
	if err != nil {
		return nil, err
	}
	packages, err := requiredPackages(ctx, tools)
	return &pulumirpc.GetRequiredPackagesResponse{Packages: packages}, err
}

func (h *host) GetProgramDependencies(
	ctx context.Context, req *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	tools, err := resolve(req.Info)
	if err != nil {
		return nil, err
	}
	installed, err := tools.ListPackages(ctx, req.TransitiveDependencies)
	if err != nil {
		return nil, err
	}
	dependencies := make([]*pulumirpc.DependencyInfo, len(installed))
	for i, dep := range installed {
		dependencies[i] = &pulumirpc.DependencyInfo{Name: dep.Name, Version: dep.Version}
	}
	return &pulumirpc.GetProgramDependenciesResponse{Dependencies: dependencies}, nil
}

// requiredPackages returns the packages that need a plugin. Each of them contains a pulumi-plugin.json.
func requiredPackages(ctx context.Context, tools toolchain.Toolchain) ([]*pulumirpc.PackageDependency, error) {
	files, err := pluginFiles(ctx, tools)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	installed, err := tools.ListPackages(ctx, true)
	if err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for _, pkg := range installed {
		versions[pkg.Name] = pkg.Version
	}
	var packages []*pulumirpc.PackageDependency
	for _, file := range files {
		dependency, err := readPluginFile(file, versions)
		if err != nil {
			return nil, err
		}
		if dependency != nil {
			packages = append(packages, dependency)
		}
	}
	return packages, nil
}

func pluginFiles(ctx context.Context, tools toolchain.Toolchain) ([]string, error) {
	find, err := tools.Command(ctx, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
	if err != nil {
		return nil, err
	}
	sitePackages, err := find.Output()
	if err != nil {
		return nil, err
	}
	return filepath.Glob(filepath.Join(strings.TrimSpace(string(sitePackages)), "*", "pulumi-plugin.json"))
}

func readPluginFile(file string, versions map[string]string) (*pulumirpc.PackageDependency, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var declared plugin.PulumiPluginJSON
	if err := json.Unmarshal(text, &declared); err != nil || !declared.Resource {
		return nil, err
	}
	distribution := strings.ReplaceAll(filepath.Base(filepath.Dir(file)), "_", "-")
	dependency := &pulumirpc.PackageDependency{
		Kind:    "resource",
		Name:    orElse(declared.Name, strings.TrimPrefix(distribution, "pulumi-")),
		Version: "v" + strings.TrimPrefix(orElse(declared.Version, versions[distribution]), "v"),
		Server:  declared.Server,
	}
	if p := declared.Parameterization; p != nil {
		dependency.Parameterization = &pulumirpc.PackageParameterization{
			Name: p.Name, Version: p.Version, Value: p.Value,
		}
	}
	return dependency, nil
}

func orElse(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}
