//! English.

use super::{
    Account, Activate, Common, Consent, ErrorText, Errors, FormPost, Guardian, Home, Identity, Kind, Messages, Shared,
    SignIn, SignOut,
};

fn plural(count: u32, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// The English texts.
pub static EN: Messages = Messages {
    common: Common {
        brand_line: "Mingji · one sign-in for school",
        language_label: "Language",
        other_language: "中文",
        signed_in_as: "Signed in as ",
        not_me: "Not me",
        never_asks: "Signing in takes a user name and a password, never an identity number. Tell nobody your password.",
        back_to: |name| format!("Back to “{name}”"),
    },
    sign_in: SignIn {
        title: "Sign in",
        for_client: |name| format!("Sign in to go on to “{name}”."),
        lead: "Sign in once and use every learning platform.",
        login: "User name",
        login_hint: "It is printed on the slip from your school.",
        password: "Password",
        own_device: "This is my own device",
        own_device_hint: "You stay signed in after closing the browser. Leave it empty on a school computer or somebody else’s.",
        submit: "Sign in",
        first_time: "First time here?",
        activate: "Set a password with your activation code",
        forgot: "Forgot your user name or password? Ask your teacher or your school.",
        refused: "The user name or the password is not right. Please try again.",
        too_many: |minutes| {
            format!("Too many tries. Please wait {} and try again.", plural(minutes, "minute", "minutes"))
        },
        busy: "Many people are signing in right now. Please wait a few seconds and press “Sign in” again.",
        expired: "This page was open for too long. Please sign in again.",
    },
    activate: Activate {
        title: "Set a password",
        lead: "Before the first use, give yourself a password.",
        code: "Activation code",
        code_hint: "It is printed on the slip from your school.",
        user_name: "Your user name",
        user_name_hint: "You need it to sign in. Please write it down.",
        new_password: "New password",
        new_password_hint: |least| {
            format!("At least {least} characters. A sentence only you know is good; a birthday or a name is not.")
        },
        again: "New password once more",
        submit: "Set password",
        unknown_code: "We do not know this activation code. Please compare it with your slip and try again.",
        used: "This activation code was used before. If you set your password, just sign in. If it was not you, tell your school at once.",
        expired: "This activation code is too old. Please ask your school for a new one.",
        too_short: |least| format!("The password is too short. It needs at least {least} characters."),
        too_long: |most| format!("The password is too long. It can have at most {most} characters."),
        too_common: "Many people use this password, so it is easy to guess. Please choose another one.",
        like_user_name: "The password must differ from the user name. Please choose another one.",
        mismatch: "The two passwords are not the same. Please type them again.",
        done_title: "Your password is set",
        done_lead: "Sign in with this user name:",
        done_next: "Remember the user name, and tell nobody your password.",
        children_too: "You are a parent or guardian too: after you sign in, the home page lists the children recorded as yours. Please check them.",
        sign_in_instead: "Password already set? Sign in",
    },
    identity: Identity {
        title: "Who are you today?",
        lead: |name| format!("Choose an identity to go on to “{name}”."),
        lead_plain: "Choose an identity.",
        last_used: "Last used",
        student: Kind { name: "Student", glyph: "学" },
        teacher: Kind { name: "Teacher", glyph: "师" },
        guardian: Kind { name: "Parent or guardian", glyph: "亲" },
        school_staff: Kind { name: "School staff", glyph: "校" },
        office_staff: Kind { name: "Staff of an institution", glyph: "职" },
        other: Kind { name: "Other identity", glyph: "人" },
    },
    account: Account {
        title: "Which account?",
        lead: "Somebody is already signed in on this device.",
        continue_as: |name| format!("Continue as {name}"),
        other: "Use another account",
    },
    consent: Consent {
        title: |name| format!("“{name}” would like to know"),
        receiver: |name| format!("If you allow it, Mingji gives “{name}” what is listed below."),
        stranger: |host| {
            format!(
                "No institution registered it and nobody answers for it: it wrote its name itself, and all that is certain is its address, {host}. If you do not know that address, do not allow it."
            )
        },
        site: "Address",
        vendor: "Receiver",
        contact: "Contact",
        purpose: "Purpose",
        default_purpose: |name| format!("Letting you sign in to “{name}” and use it"),
        items_heading: "What is given",
        number_stays: "Your identity number is never given to any platform.",
        withdraw: |minutes| {
            format!(
                "You can take this back at any time, on the home page under “What you agreed to”. Within {} after that, the platform can no longer get your data.",
                plural(minutes, "minute", "minutes")
            )
        },
        policy: "Privacy policy",
        terms: "Terms of service",
        allow: "Allow",
        deny: "Do not allow",
        identifier: Shared {
            title: "An identifier",
            detail: "Made for this platform only, so that it knows you again.",
        },
        system_number: Shared {
            title: "A number within the system",
            detail: "The same at all platforms of the education system, so that they know you for one person.",
        },
        always: Shared {
            title: "The identity in use",
            detail: "Its school or institution, whether you are a teacher, a parent or a student there, and the class; an age group; how far and on which day your name was verified. It goes along with every sign-in.",
        },
        profile: Shared {
            title: "Name and basic details",
            detail: "Your name, and what you filled in yourself: nickname, picture, gender, birthday and the like.",
        },
        email: Shared { title: "E-mail address", detail: "The address that you confirmed." },
        phone: Shared { title: "Phone number", detail: "The number that you confirmed." },
        address: Shared { title: "Address", detail: "Your postal address." },
        offline: Shared {
            title: "Use while you are away",
            detail: "The platform can refresh the above without a new sign-in.",
        },
        identities: Shared {
            title: "All identities",
            detail: "The schools or institutions, whether you are a teacher, a parent or a student there, and since when.",
        },
        classes: Shared { title: "Classes", detail: "The classes that you attend or teach." },
        children: Shared {
            title: "Children in care",
            detail: "The children in your care whom you allowed for this platform.",
        },
        real_name: Shared {
            title: "Result of the real-name check",
            detail: "Only whether and how it was checked, never a document number.",
        },
        space: Shared { title: "Personal space", detail: "Its identifier and address." },
    },
    details: super::details::EN,
    guardian: Guardian {
        title: "Ask a grown-up first",
        sentence: "Your parent or guardian has to say yes before you can go in here.",
        why: |name| {
            format!("“{name}” would like to know some things about you. You are under 14, so a grown-up decides this.")
        },
        not_your_fault: "You did nothing wrong. Show this page to a parent or a teacher.",
        adults_heading: "For parents and guardians",
        adults: |name| format!("Without your consent we tell “{name}” nothing about your child."),
        steps: [
            "Find out who runs the platform and what it would learn about your child.",
            "If you agree, contact your child’s school, which records your consent.",
            "Then your child opens the platform again and can go in. You can take it back at any time.",
        ],
    },
    form_post: FormPost {
        title: "Going back to the platform",
        lead: "If nothing happens by itself, press the button.",
        go_on: "Go on",
    },
    sign_out: SignOut {
        title: "Sign out?",
        asked_by: |name| format!("“{name}” asks you to sign out."),
        lead: "Every platform that you opened with this sign-in is signed out too.",
        yes: "Sign out",
        no: "Stay signed in",
        done_title: "Goodbye",
        done_sentence: "You are signed out.",
        go_on: "Continue",
        lost: ": the platform named an address that is not registered. Please tell the people who run it.",
        done_shared: "On a shared computer, please close the browser as well.",
    },
    home: Home {
        title: "Sign in once, go everywhere",
        lead: "Mingji is where teachers, students and parents sign in, once for all learning platforms.",
        how_heading: "How it works",
        steps: [
            "Open your learning platform and press “Sign in”.",
            "Type your user name and password here.",
            "You are back at the platform and can start.",
        ],
        signed_in: |name| format!("Hello, {name}"),
        one_sign_in: "You are signed in. Open a learning platform; it will not ask for your password again.",
        platforms: "Open a platform",
        sign_out: "Sign out",
        activate: "First time here? Set a password with your activation code",
    },
    holders: super::holders::EN,
    looks: super::looks::EN,
    wards: super::wards::EN,
    slips: super::slips::EN,
    elsewhere: super::elsewhere::EN,
    devices: super::elsewhere::DEVICES_EN,
    own_password: super::mine::OWN_PASSWORD_EN,
    consents: super::mine::CONSENTS_EN,
    record: super::record::EN,
    erasure: super::erasure::EN,
    console: super::console_en::EN,
    faults: super::faults::EN,
    errors: Errors {
        request_id: "Request number",
        home: "Home page",
        redirect_uri: ErrorText {
            title: "We cannot send you back there",
            sentence: "The platform named a return address that is not registered, so we stopped here.",
            advice: "Nothing is wrong with your account. Please tell the people who run the platform.",
        },
        post_logout_uri: ErrorText {
            title: "We cannot send you there",
            sentence: "The platform named an address for after sign-out that is not registered, so we stopped here.",
            advice: "Please tell the people who run the platform. To sign out, use the home page.",
        },
        id_token_hint: ErrorText {
            title: "We cannot check this request",
            sentence: "The platform’s proof for signing you out could not be checked, so we stopped here.",
            advice: "To sign out, use the home page.",
        },
        client: ErrorText {
            title: "We do not know this platform",
            sentence: "The platform that asks you to sign in is not registered here, or it is switched off.",
            advice: "Please check the address for typing mistakes, or ask your school.",
        },
        client_keys: ErrorText {
            title: "This platform cannot be answered now",
            sentence: "None of the public keys that this platform registered serves to encrypt an answer to it. You did nothing wrong, and trying again does not help.",
            advice: "Show this page to whoever runs the platform: the console says what to change.",
        },
        expired: ErrorText {
            title: "This page is no longer valid",
            sentence: "This page was open for too long, or it was used before.",
            advice: "Please go back to your platform and press “Sign in” again.",
        },
        internal: ErrorText {
            title: "Something went wrong on our side",
            sentence: "The system had a problem and could not finish this.",
            advice: "Please try again in a while. If it stays like this, tell your school the request number below.",
        },
        not_found: ErrorText {
            title: "No such page",
            sentence: "The page that you are looking for does not exist.",
            advice: "Please check the address for typing mistakes.",
        },
        busy: ErrorText {
            title: "Very busy right now",
            sentence: "Many people are here right now, and this could not be finished.",
            advice: "Please wait a few seconds and try again.",
        },
        document_heading: "For those who wrote this application: the document at its client_id cannot be used.",
        document: super::documents::en,
    },
};
