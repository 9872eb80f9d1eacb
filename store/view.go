// SPDX-License-Identifier: Apache-2.0

package store

import (
	"enishi.dev/enishi/iam"
	"enishi.dev/enishi/vpc"
	"github.com/cilium/statedb"
)

// View is the whole model at one moment. It never changes and may be kept, and
// read from any goroutine.
type View struct {
	VPCs           Table[vpc.VPC]
	Subnets        Table[vpc.Subnet]
	RouteTables    Table[vpc.RouteTable]
	SecurityGroups Table[vpc.SecurityGroup]
	ENIs           Table[vpc.ENI]
	Endpoints      Table[vpc.Endpoint]
	Instances      Table[vpc.Instance]
	Gateways       Table[vpc.InternetGateway]
	Accounts       Table[iam.Account]
	AccessKeys     Table[iam.AccessKey]
	Secrets        Table[Secret]
	Hosts          Table[Host]

	numbers Table[number]
	tokens  Table[token]

	incarnation string
	revision    int64
}

func (ts *tables) view(txn statedb.ReadTxn, incarnation string, revision int64) View {
	return View{
		VPCs:           Table[vpc.VPC]{ts.vpcs, txn},
		Subnets:        Table[vpc.Subnet]{ts.subnets, txn},
		RouteTables:    Table[vpc.RouteTable]{ts.routeTables, txn},
		SecurityGroups: Table[vpc.SecurityGroup]{ts.securityGroups, txn},
		ENIs:           Table[vpc.ENI]{ts.enis, txn},
		Endpoints:      Table[vpc.Endpoint]{ts.endpoints, txn},
		Instances:      Table[vpc.Instance]{ts.instances, txn},
		Gateways:       Table[vpc.InternetGateway]{ts.gateways, txn},
		Accounts:       Table[iam.Account]{ts.accounts, txn},
		AccessKeys:     Table[iam.AccessKey]{ts.accessKeys, txn},
		Secrets:        Table[Secret]{ts.secrets, txn},
		Hosts:          Table[Host]{ts.hosts, txn},
		numbers:        Table[number]{ts.numbers, txn},
		tokens:         Table[token]{ts.tokens, txn},
		incarnation:    incarnation,
		revision:       revision,
	}
}

// Incarnation names the life of the cluster in which Revision counts.
func (v *View) Incarnation() string { return v.incarnation }

// Revision grows with every commit. In a decision it is that of the last commit
// before it.
func (v *View) Revision() int64 { return v.revision }
