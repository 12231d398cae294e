print("adapterd")
