package main

import "syscall"

// endWithHost has the kernel end the child when this process is killed.
func endWithHost(attributes *syscall.SysProcAttr) {
	attributes.Pdeathsig = syscall.SIGKILL
}
