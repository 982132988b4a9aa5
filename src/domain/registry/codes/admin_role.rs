//! Administrative role 管理角色.

use super::codes;

codes! {
    /// Table A. What a role may do is decided where it is used; here it only has its name.
    AdminRole {
        National = "national_admin", "国家管理员";
        Province = "province_admin", "省级管理员";
        City = "city_admin", "市级管理员";
        County = "county_admin", "区县管理员";
        School = "school_admin", "学校系统管理员" | "学校管理员";
        SchoolRoster = "school_roster", "学校信息员" | "信息员";
        Class = "class_admin", "班级管理员";
        Security = "security_admin", "安全管理员";
        Audit = "audit_admin", "审计管理员";
        Privacy = "privacy_admin", "隐私数据管理员";
        AppReviewer = "app_reviewer", "应用审核";
        Vendor = "vendor_admin", "服务商管理员";
    }
}
