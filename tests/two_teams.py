"""A company of two teams over two months, small enough to work every figure of its people out by hand: what stands in each file."""

# Two teams over two months. East: Ann (1 FTE) and Bo (0.5 FTE); West: Cy (1 FTE) and Eve, who serves others. Dee sells without staffing.
FILES = {
    "company.toml": 'name = "Two Teams"\nreporting_currency = "CNY"\ntimezone = "UTC"\nstage = "growth"\n',
    "order_lines.csv": "order_id,line_no,ordered_at,store,channel,product_id,quantity,"
    """gross_amount,discount_amount,unit_cost,employee_id,customer_id
1,1,2025-01-10,S,web,P,1,1000,0,400,ann,c1
2,1,2025-02-03,S,web,P,1,1000,0,400,ann,c2
3,1,2025-02-04,S,web,P,1,3000,1500,2000,bo,c3
4,1,2025-02-05,S,web,P,1,500,0,100,cy,c1
5,1,2025-02-06,S,web,P,1,200,0,100,dee,c4
6,1,2025-02-07,S,web,P,1,800,0,300,,c5
""",
    "employees.csv": "employee_id,name\nann,Ann <b>Lee</b>\nbo,Bo\ncy,Cy\ndee,Dee\neve,Eve\n",
    "staffing.csv": """month,employee_id,team,store,fte,cost
2025-01-01,ann,East,S,1,100
2025-02-01,ann,East,S,1,100
2025-02-01,bo,East,S,0.5,50
2025-02-01,cy,West,S,1,300
2025-02-01,eve,West,S,0.5,60
""",
    "overheads.csv": "month,store,category,amount\n2025-02-01,,rent,300\n",
    "targets.csv": """month,level,entity,metric,target
2025-02-01,employee,ann,net_sales,2000
2025-02-01,employee,bo,net_sales,1500
2025-02-01,team,East,net_sales,2000
""",
    "activities.csv": """date,employee_id,customers_contacted,contact_minutes,new_customers,lost_customers
2025-02-03,ann,10,40,1,0
2025-02-04,ann,20,50,2,1
2025-01-04,cy,99,99,9,9
""",
    "appraisals.csv": """month,employee_id,rater,cooperation,enthusiasm,loyalty
2025-01-01,ann,lead,1,1,1
2025-02-01,ann,lead,3,3,3
2025-02-01,ann,peer,5,4,3
2025-02-01,cy,lead,4,4,4
""",
}
