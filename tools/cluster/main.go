// Command kubernetes is Kubernetes' control plane in one program, which is linked once:
//
//	kubernetes apiserver|controller-manager|scheduler FLAGS
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	var command *cobra.Command
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "apiserver":
			command = apiserver.NewAPIServerCommand()
		case "controller-manager":
			command = controllers.NewControllerManagerCommand()
		case "scheduler":
			command = scheduler.NewSchedulerCommand()
		}
	}
	if command == nil {
		fmt.Fprintln(os.Stderr, "which? apiserver, controller-manager or scheduler")
		os.Exit(2)
	}
	command.SetArgs(os.Args[2:])
	os.Exit(cli.Run(command))
}
