// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"
	"strconv"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/vpc"
)

func (s *Server) describeInstanceStatus(_ context.Context, c *api.Call, in *wire.DescribeInstanceStatusInput) (*wire.DescribeInstanceStatusOutput, error) {
	if len(in.InstanceIds) > 0 && in.MaxResults != nil {
		return nil, awserr.New("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
	}
	rows, err := s.instances(s.store.View(), c, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	if !value(in.IncludeAllInstances) {
		rows = slices.DeleteFunc(rows, func(i vpc.Instance) bool { return i.State().Name != "running" })
	}
	sel := selection{IDs: append([]string{strconv.FormatBool(value(in.IncludeAllInstances))}, in.InstanceIds...), Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	rows, next, err := choose(c, sel, rows, func(i vpc.Instance) string { return string(i.ID) }, statusFilters(c), nil)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeInstanceStatusOutput{InstanceStatuses: []wire.InstanceStatus{}, NextToken: next}
	for _, i := range rows {
		out.InstanceStatuses = append(out.InstanceStatuses, wire.InstanceStatus{
			AvailabilityZone: new(i.Zone), AvailabilityZoneId: new(zoneID(c.Region, i.Zone)),
			InstanceId: new(string(i.ID)), InstanceState: wireState(i), InstanceStatus: wireStatus(i), SystemStatus: wireStatus(i),
		})
	}
	return out, nil
}

// health is what a status check says of an instance, and whether it reached it.
// Only of one that runs is there anything to say.
func health(i vpc.Instance) (status, reachability string) {
	if i.State().Name == "running" {
		return "ok", "passed"
	}
	return "not-applicable", ""
}

func wireStatus(i vpc.Instance) *wire.InstanceStatusSummary {
	status, reachability := health(i)
	out := &wire.InstanceStatusSummary{Status: wire.SummaryStatus(status)}
	if reachability != "" {
		out.Details = []wire.InstanceStatusDetails{{Name: "reachability", Status: wire.StatusType(reachability)}}
	}
	return out
}

func statusFilters(c *api.Call) filters[vpc.Instance] {
	status := func(i vpc.Instance) []string { s, _ := health(i); return []string{s} }
	reachability := func(i vpc.Instance) []string { _, r := health(i); return []string{r} }
	all := instanceFilters(c, nil)
	f := filters[vpc.Instance]{
		"instance-status.reachability": reachability,
		"instance-status.status":       status,
		"system-status.reachability":   reachability,
		"system-status.status":         status,
	}
	for _, name := range []string{"availability-zone", "availability-zone-id", "instance-state-code", "instance-state-name", "operator.managed", "operator.principal"} {
		f[name] = all[name]
	}
	for _, name := range absentOfStatuses {
		f[name] = func(vpc.Instance) []string { return nil }
	}
	return f
}
