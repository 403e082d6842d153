//! What letters say, in each language. `{institution}`, `{time}`, `{code}` and `{name}` are filled in; escaping is the
//! templates'. Sentences for text messages go from the fullest to the barest; `gsm` takes the first that fits.

use api::pages::Language;

/// One letter in one language.
pub(super) struct Sentences {
    pub subject: &'static str,
    pub heading: &'static str,
    /// Before the link or the code.
    pub before: &'static [&'static str],
    /// After it.
    pub after: &'static [&'static str],
}

/// Every letter in one language.
pub(super) struct Words {
    pub hello: &'static str,
    pub hello_name: &'static str,
    pub no_reply: &'static str,
    pub copy: &'static str,
    pub reset_label: &'static str,
    pub reset: Sentences,
    pub reset_sms: &'static [&'static str],
    pub code: Sentences,
    pub code_sms: &'static [&'static str],
    pub unlock: Sentences,
    pub invitation: Sentences,
    /// To somebody who wants to make an account.
    pub registration: Sentences,
    pub registration_label: &'static str,
    pub registration_sms: &'static [&'static str],
    /// To a user with whose address or username somebody wanted to make one.
    pub taken: Sentences,
    pub taken_sms: &'static [&'static str],
    pub phone: Sentences,
    pub phone_sms: &'static [&'static str],
    /// To the owner of an account, or to whoever administers one.
    pub account: Sentences,
    pub account_sms: &'static [&'static str],
    /// To a user, about whom staff want to change something.
    pub customer: Sentences,
    pub customer_sms: &'static [&'static str],
    pub changed: Sentences,
    pub changed_sms: &'static [&'static str],
    /// To an old e-mail address.
    pub email_changed: Sentences,
    /// To an old phone number.
    pub phone_changed: Sentences,
    pub contact_changed_sms: &'static [&'static str],
    pub verified: Sentences,
    pub verified_sms: &'static [&'static str],
    pub declined: Sentences,
    pub declined_sms: &'static [&'static str],
    pub more_needed: Sentences,
    pub more_needed_sms: &'static [&'static str],
}

impl Words {
    pub fn of(language: Language) -> &'static Words {
        match language {
            Language::English => &ENGLISH,
            Language::Spanish => &SPANISH,
            Language::French => &FRENCH,
        }
    }
}

/// `1 hour`, `90 minutes`, `2 days`: the largest unit that says it exactly.
pub(super) fn amount_of_time(language: Language, minutes: i64) -> String {
    let units = match language {
        Language::English => [("day", "days"), ("hour", "hours"), ("minute", "minutes")],
        Language::Spanish => [("día", "días"), ("hora", "horas"), ("minuto", "minutos")],
        Language::French => [("jour", "jours"), ("heure", "heures"), ("minute", "minutes")],
    };
    let (count, (one, many)) = match minutes {
        _ if minutes > 0 && minutes % (24 * 60) == 0 => (minutes / (24 * 60), units[0]),
        _ if minutes > 0 && minutes % 60 == 0 => (minutes / 60, units[1]),
        _ => (minutes, units[2]),
    };
    format!("{count} {}", if count == 1 { one } else { many })
}

const ENGLISH: Words = Words {
    hello: "Hello,",
    hello_name: "Hello {name},",
    no_reply: "This message was sent automatically; replies are not read.",
    copy: "If that does not work, copy this address into your browser:",
    reset_label: "Choose a new password",
    reset: Sentences {
        subject: "{institution}: choose a new password",
        heading: "Choose a new password",
        before: &["You can choose a new password for your access to {institution}. Open this link to do so:"],
        after: &[
            "The link works once, for {time}. A newer message replaces it.",
            "If you did not expect this message, you need not do anything: your password stays as it is. Nobody from {institution} will ever ask you for this link.",
        ],
    },
    reset_sms: &[
        "choose a new password within {time}: {core} Not you? Ignore this.",
        "choose a new password: {core}",
        "{core}",
    ],
    code: Sentences {
        subject: "{institution}: your sign-in code",
        heading: "Your sign-in code",
        before: &["Enter this code to finish signing in to {institution}:"],
        after: &[
            "The code works once, for {time}. Give it to nobody: nobody from {institution} will ever ask you for it.",
            "If you are not signing in just now, somebody knows your password. Please change it, and tell {institution}.",
        ],
    },
    code_sms: &["{core} is your sign-in code, good for {time}. Give it to nobody.", "{core} is your sign-in code."],
    unlock: Sentences {
        subject: "{institution}: open your access again",
        heading: "Open your access again",
        before: &[
            "Your access to {institution} is locked, because a wrong password was entered too often. This code opens it:",
        ],
        after: &[
            "The code works once, for {time}. Give it to nobody: nobody from {institution} will ever ask you for it.",
            "If you did not ask for this message, you need not do anything: your access stays locked.",
        ],
    },
    invitation: Sentences {
        subject: "{institution}: choose your password",
        heading: "Choose your password",
        before: &["You were given access to the back office of {institution}. Open this link to choose your password:"],
        after: &[
            "The link works once, for {time}. Nobody from {institution} will ever ask you for it.",
            "If you did not expect this message, please tell {institution}.",
        ],
    },
    registration: Sentences {
        subject: "{institution}: confirm your registration",
        heading: "Confirm your registration",
        before: &[
            "Somebody has registered with {institution} and gave this address. If that was you, open this link and enter the password that you chose:",
        ],
        after: &[
            "The link works once, for {time}. Until then there is no account.",
            "If it was not you, you need not do anything. Do not open the link for anybody else.",
        ],
    },
    registration_label: "Confirm your registration",
    registration_sms: &["confirm your registration within {time}: {core}", "{core}"],
    taken: Sentences {
        subject: "{institution}: you have an account already",
        heading: "You have an account already",
        before: &[
            "Somebody has tried to register with {institution}, with your e-mail address or your username. You have an account with them already, and nothing about it has changed.",
        ],
        after: &[
            "If that was you, sign in as always; if you have forgotten your password, ask for a new one.",
            "If it was not you, you need not do anything.",
        ],
    },
    taken_sms: &["you have an account already. Nothing has changed.", "you have an account already."],
    phone: Sentences {
        subject: "{institution}: confirm your phone",
        heading: "Confirm your phone",
        before: &["Enter this code to show {institution} that this phone is yours:"],
        after: &[
            "The code works once, for {time}. Give it to nobody: nobody from {institution} will ever ask you for it.",
        ],
    },
    phone_sms: &[
        "{core} is the code that confirms your phone, good for {time}. Give it to nobody.",
        "{core} confirms your phone.",
    ],
    account: Sentences {
        subject: "{institution}: your code",
        heading: "Your code",
        before: &["Something is to be changed on an account at {institution}. With this code you agree to it:"],
        after: &[
            "The code works once, for {time}. Tell it only to whoever has asked you for this change. Somebody who calls you about it is not from {institution}.",
            "If you know of no change, do not give it to anybody, and tell {institution}.",
        ],
    },
    account_sms: &[
        "{core} agrees to a change on an account, good for {time}. You know of none? Give it to nobody.",
        "{core} agrees to a change on an account.",
    ],
    customer: Sentences {
        subject: "{institution}: your code",
        heading: "Your code",
        before: &[
            "{institution} has been asked to change something about you: your details, your sign-in, your devices or your access. With this code you agree to it:",
        ],
        after: &[
            "The code works once, for {time}. Tell it only to whomever at {institution} you have turned to yourself. Somebody who calls you and asks for it is not from {institution}.",
            "If you know of no change, do not give it to anybody, and tell {institution}.",
        ],
    },
    customer_sms: &[
        "{core} agrees to a change of your details or access, good for {time}. You know of none? Give it to nobody.",
        "{core} agrees to a change of your details or access.",
    ],
    changed: Sentences {
        subject: "{institution}: your password was changed",
        heading: "Your password was changed",
        before: &[
            "The password for your access to {institution} was changed just now, and you were signed out everywhere.",
        ],
        after: &[
            "If that was you, there is nothing more to do. If it was not, tell {institution} at once, by a number or address that you know already.",
        ],
    },
    changed_sms: &["your password was changed. If that was not you, tell us at once.", "your password was changed."],
    email_changed: Sentences {
        subject: "{institution}: your e-mail address was changed",
        heading: "Your e-mail address was changed",
        before: &[
            "Another e-mail address is on file for your access to {institution} from now on. Links and codes that were sent to this one no longer work.",
        ],
        after: &[
            "If you asked for that, there is nothing more to do. If you did not, tell {institution} at once, by a number or address that you know already.",
        ],
    },
    phone_changed: Sentences {
        subject: "{institution}: your phone number was changed",
        heading: "Your phone number was changed",
        before: &[
            "Another phone number is on file for your access to {institution} from now on. Links and codes that were sent to this one no longer work.",
        ],
        after: &[
            "If you asked for that, there is nothing more to do. If you did not, tell {institution} at once, by a number or address that you know already.",
        ],
    },
    contact_changed_sms: &[
        "your contact details were changed. If that was not you, tell us at once.",
        "your contact details were changed.",
    ],
    verified: Sentences {
        subject: "{institution}: your verification",
        heading: "You are verified",
        before: &["{institution} has looked at what you sent, and your identity is verified."],
        after: &["There is nothing more to do."],
    },
    verified_sms: &["your identity is verified."],
    declined: Sentences {
        subject: "{institution}: your verification",
        heading: "You could not be verified",
        before: &["{institution} has looked at what you sent, and could not verify your identity with it."],
        after: &["You can ask again: sign in, add what is missing, and ask for verification."],
    },
    declined_sms: &["your identity could not be verified. Sign in to ask again."],
    more_needed: Sentences {
        subject: "{institution}: your verification",
        heading: "Something is missing",
        before: &["{institution} needs more from you before your identity can be verified:"],
        after: &[
            "Sign in, add what is missing, and ask for verification again. Never send documents in answer to a message.",
        ],
    },
    more_needed_sms: &["we need more from you for your verification. Sign in to see what."],
};

const SPANISH: Words = Words {
    hello: "Hola:",
    hello_name: "Hola, {name}:",
    no_reply: "Este mensaje se ha enviado automáticamente; no se leen las respuestas.",
    copy: "Si no funciona, copie esta dirección en su navegador:",
    reset_label: "Elegir una contraseña nueva",
    reset: Sentences {
        subject: "{institution}: elija una contraseña nueva",
        heading: "Elija una contraseña nueva",
        before: &["Puede elegir una contraseña nueva para su acceso a {institution}. Para hacerlo, abra este enlace:"],
        after: &[
            "El enlace sirve una sola vez, durante {time}. Un mensaje más reciente lo sustituye.",
            "Si no esperaba este mensaje, no tiene que hacer nada: su contraseña sigue siendo la misma. Nadie de {institution} le pedirá nunca este enlace.",
        ],
    },
    reset_sms: &["contraseña nueva ({time}): {core} Si no fue usted, ignórelo.", "contraseña nueva: {core}", "{core}"],
    code: Sentences {
        subject: "{institution}: su código de acceso",
        heading: "Su código de acceso",
        before: &["Escriba este código para terminar de entrar en {institution}:"],
        after: &[
            "El código sirve una sola vez, durante {time}. No se lo dé a nadie: nadie de {institution} se lo pedirá nunca.",
            "Si no está entrando ahora mismo, alguien conoce su contraseña. Cámbiela y avise a {institution}.",
        ],
    },
    code_sms: &[
        "{core} es su código de acceso, válido durante {time}. No lo comparta.",
        "{core} es su código de acceso.",
    ],
    unlock: Sentences {
        subject: "{institution}: abra de nuevo su acceso",
        heading: "Abra de nuevo su acceso",
        before: &[
            "Su acceso a {institution} está bloqueado porque se escribió demasiadas veces una contraseña equivocada. Este código lo abre:",
        ],
        after: &[
            "El código sirve una sola vez, durante {time}. No se lo dé a nadie: nadie de {institution} se lo pedirá nunca.",
            "Si no ha pedido este mensaje, no tiene que hacer nada: su acceso sigue bloqueado.",
        ],
    },
    invitation: Sentences {
        subject: "{institution}: elija su contraseña",
        heading: "Elija su contraseña",
        before: &["Tiene acceso a la administración de {institution}. Abra este enlace para elegir su contraseña:"],
        after: &[
            "El enlace sirve una sola vez, durante {time}. Nadie de {institution} se lo pedirá nunca.",
            "Si no esperaba este mensaje, avise a {institution}.",
        ],
    },
    registration: Sentences {
        subject: "{institution}: confirme su registro",
        heading: "Confirme su registro",
        before: &[
            "Alguien se ha registrado en {institution} con esta dirección. Si ha sido usted, abra este enlace y escriba la contraseña que eligió:",
        ],
        after: &[
            "El enlace sirve una sola vez, durante {time}. Hasta entonces no existe ninguna cuenta.",
            "Si no ha sido usted, no tiene que hacer nada. No abra el enlace por encargo de nadie.",
        ],
    },
    registration_label: "Confirmar el registro",
    registration_sms: &["confirme su registro ({time}): {core}", "{core}"],
    taken: Sentences {
        subject: "{institution}: usted ya tiene una cuenta",
        heading: "Usted ya tiene una cuenta",
        before: &[
            "Alguien ha intentado registrarse en {institution} con su dirección de correo o su nombre de usuario. Usted ya tiene una cuenta allí, y nada ha cambiado en ella.",
        ],
        after: &[
            "Si ha sido usted, entre como siempre; si ha olvidado la contraseña, pida una nueva.",
            "Si no ha sido usted, no tiene que hacer nada.",
        ],
    },
    taken_sms: &["usted ya tiene una cuenta. Nada ha cambiado.", "usted ya tiene una cuenta."],
    phone: Sentences {
        subject: "{institution}: confirme su teléfono",
        heading: "Confirme su teléfono",
        before: &["Escriba este código para demostrar a {institution} que este teléfono es suyo:"],
        after: &[
            "El código sirve una sola vez, durante {time}. No se lo dé a nadie: nadie de {institution} se lo pedirá nunca.",
        ],
    },
    phone_sms: &["{core} confirma su teléfono, válido durante {time}. No lo comparta.", "{core} confirma su teléfono."],
    account: Sentences {
        subject: "{institution}: su código",
        heading: "Su código",
        before: &["Va a cambiarse algo en una cuenta de {institution}. Con este código usted lo autoriza:"],
        after: &[
            "El código sirve una sola vez, durante {time}. Déselo solo a quien le haya pedido este cambio. Quien le llame por ello no es de {institution}.",
            "Si no sabe de ningún cambio, no se lo dé a nadie y avise a {institution}.",
        ],
    },
    account_sms: &[
        "{core} autoriza un cambio en una cuenta, válido durante {time}. ¿No lo esperaba? No lo comparta.",
        "{core} autoriza un cambio en una cuenta.",
    ],
    customer: Sentences {
        subject: "{institution}: su código",
        heading: "Su código",
        before: &[
            "Se ha pedido a {institution} cambiar algo suyo: sus datos, su forma de entrar, sus dispositivos o su acceso. Con este código usted lo autoriza:",
        ],
        after: &[
            "El código sirve una sola vez, durante {time}. Déselo solo a la persona de {institution} a la que usted mismo haya acudido. Quien le llame para pedírselo no es de {institution}.",
            "Si no sabe de ningún cambio, no se lo dé a nadie y avise a {institution}.",
        ],
    },
    customer_sms: &[
        "{core} autoriza un cambio en sus datos o su acceso, válido durante {time}. ¿No lo esperaba? No lo comparta.",
        "{core} autoriza un cambio en sus datos o su acceso.",
    ],
    changed: Sentences {
        subject: "{institution}: su contraseña ha cambiado",
        heading: "Su contraseña ha cambiado",
        before: &["La contraseña de su acceso a {institution} acaba de cambiar y se han cerrado todas sus sesiones."],
        after: &[
            "Si ha sido usted, no tiene que hacer nada más. Si no, avise de inmediato a {institution}, por un número o una dirección que ya conozca.",
        ],
    },
    changed_sms: &["su contraseña ha cambiado. Si no fue usted, avísenos de inmediato.", "su contraseña ha cambiado."],
    email_changed: Sentences {
        subject: "{institution}: su dirección de correo ha cambiado",
        heading: "Su dirección de correo ha cambiado",
        before: &[
            "Desde ahora consta otra dirección de correo para su acceso a {institution}. Los enlaces y códigos enviados a esta ya no funcionan.",
        ],
        after: &[
            "Si usted lo pidió, no tiene que hacer nada más. Si no, avise de inmediato a {institution}, por un número o una dirección que ya conozca.",
        ],
    },
    phone_changed: Sentences {
        subject: "{institution}: su número de teléfono ha cambiado",
        heading: "Su número de teléfono ha cambiado",
        before: &[
            "Desde ahora consta otro número de teléfono para su acceso a {institution}. Los enlaces y códigos enviados a este ya no funcionan.",
        ],
        after: &[
            "Si usted lo pidió, no tiene que hacer nada más. Si no, avise de inmediato a {institution}, por un número o una dirección que ya conozca.",
        ],
    },
    contact_changed_sms: &[
        "sus datos de contacto han cambiado. Si no fue usted, avísenos de inmediato.",
        "sus datos de contacto han cambiado.",
    ],
    verified: Sentences {
        subject: "{institution}: su verificación",
        heading: "Su identidad está verificada",
        before: &["{institution} ha revisado lo que usted envió y ha verificado su identidad."],
        after: &["No tiene que hacer nada más."],
    },
    verified_sms: &["su identidad está verificada."],
    declined: Sentences {
        subject: "{institution}: su verificación",
        heading: "No hemos podido verificar su identidad",
        before: &["{institution} ha revisado lo que usted envió y no ha podido verificar su identidad con ello."],
        after: &["Puede solicitarlo de nuevo: entre, añada lo que falta y pida la verificación."],
    },
    declined_sms: &["no hemos podido verificar su identidad. Entre para solicitarlo de nuevo."],
    more_needed: Sentences {
        subject: "{institution}: su verificación",
        heading: "Falta algo",
        before: &["{institution} necesita algo más de usted antes de verificar su identidad:"],
        after: &[
            "Entre, añada lo que falta y pida de nuevo la verificación. Nunca envíe documentos en respuesta a un mensaje.",
        ],
    },
    more_needed_sms: &["necesitamos algo más para su verificación. Entre para ver qué falta."],
};

const FRENCH: Words = Words {
    hello: "Bonjour,",
    hello_name: "Bonjour {name},",
    no_reply: "Ce message a été envoyé automatiquement ; les réponses ne sont pas lues.",
    copy: "Si cela ne fonctionne pas, copiez cette adresse dans votre navigateur :",
    reset_label: "Choisir un nouveau mot de passe",
    reset: Sentences {
        subject: "{institution} : choisissez un nouveau mot de passe",
        heading: "Choisissez un nouveau mot de passe",
        before: &[
            "Vous pouvez choisir un nouveau mot de passe pour votre accès à {institution}. Pour cela, ouvrez ce lien :",
        ],
        after: &[
            "Le lien fonctionne une seule fois, pendant {time}. Un message plus récent le remplace.",
            "Si vous n’attendiez pas ce message, vous n’avez rien à faire : votre mot de passe reste le même. Personne de {institution} ne vous demandera jamais ce lien.",
        ],
    },
    reset_sms: &[
        "nouveau mot de passe ({time}) : {core} Pas vous ? Ignorez ce SMS.",
        "nouveau mot de passe : {core}",
        "{core}",
    ],
    code: Sentences {
        subject: "{institution} : votre code de connexion",
        heading: "Votre code de connexion",
        before: &["Saisissez ce code pour terminer votre connexion à {institution} :"],
        after: &[
            "Le code fonctionne une seule fois, pendant {time}. Ne le donnez à personne : personne de {institution} ne vous le demandera jamais.",
            "Si vous n’êtes pas en train de vous connecter, quelqu’un connaît votre mot de passe. Changez-le et prévenez {institution}.",
        ],
    },
    code_sms: &[
        "{core} est votre code de connexion, valable {time}. Ne le donnez à personne.",
        "{core} est votre code de connexion.",
    ],
    unlock: Sentences {
        subject: "{institution} : rouvrez votre accès",
        heading: "Rouvrez votre accès",
        before: &[
            "Votre accès à {institution} est bloqué, car un mot de passe erroné a été saisi trop souvent. Ce code le rouvre :",
        ],
        after: &[
            "Le code fonctionne une seule fois, pendant {time}. Ne le donnez à personne : personne de {institution} ne vous le demandera jamais.",
            "Si vous n’avez pas demandé ce message, vous n’avez rien à faire : votre accès reste bloqué.",
        ],
    },
    invitation: Sentences {
        subject: "{institution} : choisissez votre mot de passe",
        heading: "Choisissez votre mot de passe",
        before: &[
            "Vous avez accès à l’administration de {institution}. Ouvrez ce lien pour choisir votre mot de passe :",
        ],
        after: &[
            "Le lien fonctionne une seule fois, pendant {time}. Personne de {institution} ne vous le demandera jamais.",
            "Si vous n’attendiez pas ce message, prévenez {institution}.",
        ],
    },
    registration: Sentences {
        subject: "{institution} : confirmez votre inscription",
        heading: "Confirmez votre inscription",
        before: &[
            "Quelqu’un s’est inscrit auprès de {institution} avec cette adresse. Si c’était vous, ouvrez ce lien et saisissez le mot de passe que vous avez choisi :",
        ],
        after: &[
            "Le lien fonctionne une seule fois, pendant {time}. D’ici là, aucun compte n’existe.",
            "Si ce n’était pas vous, vous n’avez rien à faire. N’ouvrez ce lien à la demande de personne.",
        ],
    },
    registration_label: "Confirmer l’inscription",
    registration_sms: &["confirmez votre inscription ({time}) : {core}", "{core}"],
    taken: Sentences {
        subject: "{institution} : vous avez déjà un compte",
        heading: "Vous avez déjà un compte",
        before: &[
            "Quelqu’un a essayé de s’inscrire auprès de {institution} avec votre adresse e-mail ou votre identifiant. Vous y avez déjà un compte, et rien n’y a changé.",
        ],
        after: &[
            "Si c’était vous, connectez-vous comme d’habitude ; si vous avez oublié votre mot de passe, demandez-en un nouveau.",
            "Si ce n’était pas vous, vous n’avez rien à faire.",
        ],
    },
    taken_sms: &["vous avez déjà un compte. Rien n'a changé.", "vous avez déjà un compte."],
    phone: Sentences {
        subject: "{institution} : confirmez votre téléphone",
        heading: "Confirmez votre téléphone",
        before: &["Saisissez ce code pour montrer à {institution} que ce téléphone est le vôtre :"],
        after: &[
            "Le code fonctionne une seule fois, pendant {time}. Ne le donnez à personne : personne de {institution} ne vous le demandera jamais.",
        ],
    },
    phone_sms: &[
        "{core} confirme votre téléphone, valable {time}. Ne le donnez à personne.",
        "{core} confirme votre téléphone.",
    ],
    account: Sentences {
        subject: "{institution} : votre code",
        heading: "Votre code",
        before: &["Un compte chez {institution} va être modifié. Avec ce code, vous donnez votre accord :"],
        after: &[
            "Le code fonctionne une seule fois, pendant {time}. Ne le donnez qu’à la personne qui vous a demandé ce changement. Quiconque vous appelle à ce sujet n’est pas de {institution}.",
            "Si vous n’attendez aucun changement, ne le donnez à personne et prévenez {institution}.",
        ],
    },
    account_sms: &[
        "{core} autorise un changement de compte, valable {time}. Inattendu ? Ne le donnez à personne.",
        "{core} autorise un changement de compte.",
    ],
    customer: Sentences {
        subject: "{institution} : votre code",
        heading: "Votre code",
        before: &[
            "{institution} a reçu la demande de modifier quelque chose vous concernant : vos données, votre connexion, vos appareils ou votre accès. Avec ce code, vous donnez votre accord :",
        ],
        after: &[
            "Le code fonctionne une seule fois, pendant {time}. Ne le donnez qu’à la personne de {institution} que vous avez contactée vous-même. Quiconque vous appelle pour le demander n’est pas de {institution}.",
            "Si vous n’attendez aucun changement, ne le donnez à personne et prévenez {institution}.",
        ],
    },
    customer_sms: &[
        "{core} autorise un changement de vos données ou accès, valable {time}. Inattendu ? Ne le donnez à personne.",
        "{core} autorise un changement de vos données ou accès.",
    ],
    changed: Sentences {
        subject: "{institution} : votre mot de passe a été modifié",
        heading: "Votre mot de passe a été modifié",
        before: &[
            "Le mot de passe de votre accès à {institution} vient d’être modifié, et toutes vos sessions ont été fermées.",
        ],
        after: &[
            "Si c’était vous, vous n’avez rien d’autre à faire. Sinon, prévenez immédiatement {institution}, par un numéro ou une adresse que vous connaissez déjà.",
        ],
    },
    changed_sms: &[
        "votre mot de passe a été modifié. Si ce n'était pas vous, prévenez-nous immédiatement.",
        "votre mot de passe a été modifié.",
    ],
    email_changed: Sentences {
        subject: "{institution} : votre adresse e-mail a été modifiée",
        heading: "Votre adresse e-mail a été modifiée",
        before: &[
            "Une autre adresse e-mail est désormais enregistrée pour votre accès à {institution}. Les liens et codes envoyés à celle-ci ne fonctionnent plus.",
        ],
        after: &[
            "Si vous l’avez demandé, vous n’avez rien d’autre à faire. Sinon, prévenez immédiatement {institution}, par un numéro ou une adresse que vous connaissez déjà.",
        ],
    },
    phone_changed: Sentences {
        subject: "{institution} : votre numéro de téléphone a été modifié",
        heading: "Votre numéro de téléphone a été modifié",
        before: &[
            "Un autre numéro de téléphone est désormais enregistré pour votre accès à {institution}. Les liens et codes envoyés à celui-ci ne fonctionnent plus.",
        ],
        after: &[
            "Si vous l’avez demandé, vous n’avez rien d’autre à faire. Sinon, prévenez immédiatement {institution}, par un numéro ou une adresse que vous connaissez déjà.",
        ],
    },
    contact_changed_sms: &[
        "vos coordonnées ont été modifiées. Si ce n'était pas vous, prévenez-nous immédiatement.",
        "vos coordonnées ont été modifiées.",
    ],
    verified: Sentences {
        subject: "{institution} : votre vérification",
        heading: "Votre identité est vérifiée",
        before: &["{institution} a examiné ce que vous avez envoyé, et votre identité est vérifiée."],
        after: &["Vous n’avez rien d’autre à faire."],
    },
    verified_sms: &["votre identité est vérifiée."],
    declined: Sentences {
        subject: "{institution} : votre vérification",
        heading: "Votre identité n’a pas pu être vérifiée",
        before: &["{institution} a examiné ce que vous avez envoyé et n’a pas pu vérifier votre identité."],
        after: &[
            "Vous pouvez refaire une demande : connectez-vous, ajoutez ce qui manque et demandez la vérification.",
        ],
    },
    declined_sms: &["votre identité n'a pas pu être vérifiée. Connectez-vous pour refaire une demande."],
    more_needed: Sentences {
        subject: "{institution} : votre vérification",
        heading: "Il manque quelque chose",
        before: &["{institution} a besoin d’autre chose avant de pouvoir vérifier votre identité :"],
        after: &[
            "Connectez-vous, ajoutez ce qui manque et redemandez la vérification. N’envoyez jamais de documents en réponse à un message.",
        ],
    },
    more_needed_sms: &["il nous manque quelque chose pour votre vérification. Connectez-vous pour voir quoi."],
};
