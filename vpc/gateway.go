// SPDX-License-Identifier: Apache-2.0

package vpc

import (
	"iter"

	"enishi.dev/enishi/aws/awserr"
)

// NewInternetGateway returns a gateway that is not attached to anything. have is
// how many the owner has already.
func NewInternetGateway(f Fresh, limits Limits, have int, owner Meta) (InternetGateway, error) {
	if have >= limits.Gateways {
		return InternetGateway{}, awserr.New("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.")
	}
	owner.Created = f.Now
	return InternetGateway{Meta: owner, ID: GatewayID(f.ID("igw"))}, nil
}

// Attach returns g as v's gateway. attached are those that v has.
func (g InternetGateway) Attach(v VPC, attached iter.Seq[InternetGateway]) (InternetGateway, error) {
	if g.VPC != "" {
		return g, awserr.New("Resource.AlreadyAssociated", "resource %s is already attached to network %s", g.ID, g.VPC)
	}
	for range attached {
		return g, awserr.New("InvalidParameterValue", "Network %s already has an internet gateway attached", v.ID)
	}
	g.VPC = v.ID
	return g, nil
}

// Detach returns g without v, whose interfaces have no public addresses any more.
// Routes to it stay, and lead nowhere.
func (g InternetGateway) Detach(v VPC, enis iter.Seq[ENI]) (InternetGateway, error) {
	if g.VPC != v.ID {
		return g, awserr.New("Gateway.NotAttached", "resource %s is not attached to network %s", g.ID, v.ID)
	}
	for e := range enis {
		if e.Public.IsValid() && !e.Withdrawn {
			return g, awserr.New("DependencyViolation",
				"Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", v.ID)
		}
	}
	g.VPC = ""
	return g, nil
}

// CanDelete returns nil if g may go.
func (g InternetGateway) CanDelete() error {
	if g.VPC != "" {
		return awserr.New("DependencyViolation", "The internetGateway '%s' has dependencies and cannot be deleted.", g.ID)
	}
	return nil
}
