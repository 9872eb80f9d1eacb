// SPDX-License-Identifier: Apache-2.0

package vpc

// Limits is how many there may be of what; AWS calls them quotas.
type Limits struct {
	VPCs          int // per account and region
	Subnets       int // per VPC
	RouteTables   int // per VPC
	Routes        int // per route table, without the local ones
	Groups        int // security groups per account and region
	RulesPerGroup int // per direction and address family
	Tags          int // per resource
	Endpoints     int // interface endpoints per VPC
	Gateways      int // internet gateways per account and region
	Instances     int // per account and region, those that are not terminated

	GroupsPerInterface int // security groups of a network interface
	ElasticIPs         int // per account and region
}

// DefaultLimits returns the quotas that a new account has at AWS.
func DefaultLimits() Limits {
	return Limits{
		VPCs:          5,
		Subnets:       200,
		RouteTables:   200,
		Routes:        50,
		Groups:        2500,
		RulesPerGroup: 60,
		Tags:          50,
		Endpoints:     50,
		Gateways:      5,
		Instances:     1000, // ours: AWS counts processors, by the type of instance

		GroupsPerInterface: 5,
		ElasticIPs:         5,
	}
}
