select EmployeeID as employee_id, FirstName || ' ' || LastName as name from read_csv('raw/employees.csv', all_varchar = true)
