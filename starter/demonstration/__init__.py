"""What `ml-connector demo` shows, and how it is checked.

scenario    two companies, eighteen orders, and the end that each must reach
world       the simulators: how they are told and what they hold
seeding     the scenario as the simulators get it
home        the demo's own folder, emptied at the start
tenants     the example tenant files, pointed at the simulators and made fast
parts       the processes
watch       one look at everything after another, for all who wait for something
people      what users, warehouse and carrier do meanwhile
verdict     the ends compared with what the simulators hold; freight in `bookkeeping`
live        the orders' stages while they change
summary     the table, and the JSON document
"""
