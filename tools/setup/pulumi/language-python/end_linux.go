package main

import "syscall"

// endWithHost makes the kernel kill the child when this process dies.
func endWithHost(attributes *syscall.SysProcAttr) {
	attributes.Pdeathsig = syscall.SIGKILL
}
