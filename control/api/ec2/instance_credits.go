// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"errors"
	"slices"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

var creditFilters = filters[vpc.Instance]{
	"instance-id": func(i vpc.Instance) []string { return []string{string(i.ID)} },
}

// describeInstanceCredits answers for the instances that are named, or for all that are
// unlimited.
func (s *Server) describeInstanceCredits(_ context.Context, c *api.Call, in *wire.DescribeInstanceCreditSpecificationsInput) (*wire.DescribeInstanceCreditSpecificationsOutput, error) {
	rows, err := s.instances(s.store.View(), c, in.InstanceIds)
	if err != nil {
		return nil, err
	}
	if len(in.InstanceIds) == 0 {
		rows = slices.DeleteFunc(rows, func(i vpc.Instance) bool { return i.Credits() != vpc.CreditsUnlimited })
	}
	sel := selection{IDs: in.InstanceIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}
	rows, next, err := choose(c, sel, rows, func(i vpc.Instance) string { return string(i.ID) }, creditFilters, nil)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeInstanceCreditSpecificationsOutput{InstanceCreditSpecifications: []wire.InstanceCreditSpecification{}, NextToken: next}
	for _, i := range rows {
		out.InstanceCreditSpecifications = append(out.InstanceCreditSpecifications, wire.InstanceCreditSpecification{InstanceId: new(string(i.ID)), CpuCredits: new(i.Credits())})
	}
	return out, nil
}

// modifyInstanceCredits changes each instance that can be, and says of the others why not.
func (s *Server) modifyInstanceCredits(ctx context.Context, c *api.Call, in *wire.ModifyInstanceCreditSpecificationInput) (*wire.ModifyInstanceCreditSpecificationOutput, error) {
	if len(in.InstanceCreditSpecifications) == 0 {
		return nil, awserr.New("MissingParameter", "The request must contain the parameter InstanceCreditSpecification")
	}
	out := new(wire.ModifyInstanceCreditSpecificationOutput)
	return out, s.store.Decide(ctx, func(tx *store.Tx) error {
		for _, ask := range in.InstanceCreditSpecifications {
			i, err := needInstance(&tx.View, c, s, ask.InstanceId)
			if err == nil {
				i, err = i.SetCredits(value(ask.CpuCredits))
			}
			refusal, refused := errors.AsType[*awserr.Error](err)
			switch {
			case refused:
				out.UnsuccessfulInstanceCreditSpecifications = append(out.UnsuccessfulInstanceCreditSpecifications, wire.UnsuccessfulInstanceCreditSpecificationItem{
					InstanceId: ask.InstanceId,
					Error:      &wire.UnsuccessfulInstanceCreditSpecificationItemError{Code: wire.UnsuccessfulInstanceCreditSpecificationErrorCode(refusal.Code), Message: &refusal.Message},
				})
			case err != nil:
				return err
			default:
				tx.Instances.Put(i)
				out.SuccessfulInstanceCreditSpecifications = append(out.SuccessfulInstanceCreditSpecifications, wire.SuccessfulInstanceCreditSpecificationItem{InstanceId: ask.InstanceId})
			}
		}
		return nil
	})
}
