package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/cmdutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// The exit code of the SDK's script if it has already shown the error to the user.
const errorWasShown = 32

const graceTime = 3 * time.Second

func (h *host) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	if req.AttachDebugger {
		return nil, errors.New("this language host attaches no debugger")
	}
	cmd, err := h.program(ctx, req)
	if err != nil {
		return nil, err
	}
	// The engine reads what the program prints from this process's own pipes.
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	code, err := h.wait(ctx, cmd, cmd.Wait)
	switch {
	case err != nil:
		return nil, err
	case code == errorWasShown || h.done.Err() != nil:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case code != 0:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("Program exited with non-zero exit code: %d", code)}, nil
	}
	return &pulumirpc.RunResponse{}, nil
}

func (h *host) program(ctx context.Context, req *pulumirpc.RunRequest) (*exec.Cmd, error) {
	config, err := json.Marshal(orEmpty(req.Config))
	if err != nil {
		return nil, err
	}
	secretKeys, err := json.Marshal(append([]string{}, req.ConfigSecretKeys...))
	if err != nil {
		return nil, err
	}
	tools, err := resolve(req.Info)
	if err != nil {
		return nil, err
	}
	arguments, err := h.arguments(req)
	if err != nil {
		return nil, err
	}
	cmd, err := tools.Command(ctx, arguments...)
	if err != nil {
		return nil, err
	}
	cmd.Dir = req.Pwd
	cmd.Env = append(cmd.Environ(),
		"PULUMI_CONFIG="+string(config), "PULUMI_CONFIG_SECRET_KEYS="+string(secretKeys))
	return cmd, nil
}

// arguments returns what Python is called with: the SDK's script with its options, then the program with its
// own arguments.
func (h *host) arguments(req *pulumirpc.RunRequest) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	arguments := []string{
		"-u", filepath.Join(filepath.Dir(self), "pulumi-language-python-exec"),
		"--engine", h.engine,
		"--monitor", req.MonitorAddress,
		"--project", req.Project,
		"--stack", req.Stack,
		"--organization", req.Organization,
		"--root_directory", req.Info.RootDirectory,
		"--pwd", req.Pwd,
		"--parallel", strconv.Itoa(int(req.Parallel)),
	}
	if req.DryRun {
		arguments = append(arguments, "--dry_run", "true")
	}
	program := filepath.Join(req.Info.ProgramDirectory, req.Info.EntryPoint)
	return append(append(arguments, program), req.Args...), nil
}

func (h *host) RunPlugin(req *pulumirpc.RunPluginRequest, stream pulumirpc.LanguageRuntime_RunPluginServer) error {
	tools, err := resolve(req.Info)
	if err != nil {
		return err
	}
	// -u, because a policy pack prints its port without flushing, and the engine waits for that line.
	arguments := append([]string{"-u", req.Info.ProgramDirectory}, req.Args...)
	cmd, err := tools.Command(stream.Context(), arguments...)
	if err != nil {
		return err
	}
	closer, stdout, stderr, err := rpcutil.MakeRunPluginStreams(stream, false)
	if err != nil {
		return err
	}
	cmd.Dir = req.Pwd
	cmd.Env = append(cmd.Environ(), pluginEnvironment(req.Env)...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	untilItEnds := cmd.Wait
	if req.Kind == string(apitype.AnalyzerPlugin) {
		if untilItEnds, err = configure(stream.Context(), cmd); err != nil {
			return err
		}
	}
	code, err := h.wait(stream.Context(), cmd, untilItEnds)
	if err != nil {
		return err
	}
	if code != 0 {
		return stream.Send(&pulumirpc.RunPluginResponse{
			Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: int32(code)}, //nolint:gosec
		})
	}
	return closer.Close()
}

// configure sets the stack's configuration in the environment of a policy pack, from which the Python SDK
// reads it. The engine sends it in a call: the SDK's proxy answers that call, and forwards the later ones
// to the pack.
func configure(ctx context.Context, pack *exec.Cmd) (untilItEnds func() error, err error) {
	proxy, stdout, err := sdk.NewPolicyProxy(ctx, pack.Stdout)
	if err != nil {
		return nil, err
	}
	stack, err := proxy.AwaitConfiguration(ctx)
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(orEmpty(stack.GetConfig()))
	if err != nil {
		return nil, err
	}
	pack.Stdout = stdout
	pack.Env = append(pack.Env,
		"PULUMI_ORGANIZATION="+stack.GetOrganization(),
		"PULUMI_PROJECT="+stack.GetProject(),
		"PULUMI_STACK="+stack.GetStack(),
		"PULUMI_DRY_RUN="+strconv.FormatBool(stack.GetDryRun()),
		"PULUMI_CONFIG="+string(config))
	return func() error { return proxy.Attach(context.WithoutCancel(ctx), pack) }, nil
}

// pluginEnvironment leaves out what selects a Python: the engine passes its whole environment, which would
// override the activated virtual environment.
func pluginEnvironment(environment []string) []string {
	var kept []string
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		if name != "PATH" && name != "VIRTUAL_ENV" && name != "PYTHONHOME" {
			kept = append(kept, entry)
		}
	}
	return kept
}

// wait runs a child in its own process group, because Ctrl-C and the engine's SIGINT would each cause a
// KeyboardInterrupt traceback. When the host or the request ends, the group gets SIGTERM. Processes that
// are left after graceTime, or after the child has exited, get SIGKILL.
func (h *host) wait(ctx context.Context, cmd *exec.Cmd, untilItEnds func() error) (int, error) {
	cmdutil.RegisterProcessGroup(cmd)
	endWithHost(cmd.SysProcAttr)
	// The kernel also kills the child when the thread that started it exits. Keep that thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(h.done, stop)()
	cmd.Cancel = func() error { return nil } // end() signals the whole group instead
	h.children.Add(1)
	defer h.children.Done()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	err := end(ctx, cmd, untilItEnds)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return cmd.ProcessState.ExitCode(), err
}

func end(ctx context.Context, cmd *exec.Cmd, untilItEnds func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- untilItEnds() }()
	group := -cmd.Process.Pid
	defer func() { _ = syscall.Kill(group, syscall.SIGKILL) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		_ = syscall.Kill(group, syscall.SIGTERM)
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(graceTime):
		_ = syscall.Kill(group, syscall.SIGKILL)
		return <-ended
	}
}

func orEmpty(config map[string]string) map[string]string {
	if config == nil {
		return map[string]string{}
	}
	return config
}
